#!/usr/bin/env python3
"""segmon check as a user meets it: test_check.py SEGMON [unittest options]."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FINDING = ["code", "severity", "file", "line", "column", "message", "rule", "blockers",
           "different_action"]
SEGMON = None


class Check(unittest.TestCase):
    def run_check(self, text, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "policy.yaml"
            path.write_bytes(text)
            run = subprocess.run([SEGMON, "check", "-p", str(path), *arguments],
                                 capture_output=True, timeout=60)
            return run, str(path)

    def findings(self, text, status):
        run, path = self.run_check(text, "--format", "json")
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stderr, b"")
        found = [json.loads(line) for line in run.stdout.decode().splitlines()]
        for one in found:
            self.assertEqual(list(one), FINDING)
            self.assertIn(one["severity"], ("info", "warning", "error"))
            self.assertEqual(one["file"], path)
        return found

    def test_a_policy_in_order_has_no_findings(self):
        self.assertEqual(self.findings(b"version: 1\npolicy: {name: a, revision: b}\n", 0), [])

    def test_findings_come_in_the_order_of_the_file(self):
        found = self.findings(
            b"version: 1\npolicy: {name: a, revision: b}\n"
            b"segments:\n  s: {networks: [10.0.0.0/8]}\nrules:\n"
            b"  - {id: x, from: t, to: s, action: allow}\n"
            b"  - {id: x, from: s, to: s, action: perhaps}\n"
            b"more: 1\n", 2)
        errors = [one for one in found if one["severity"] == "error"]
        self.assertEqual([(one["code"], one["line"]) for one in errors],
                         [("E-REF", 6), ("E-RULE-ID", 7), ("E-ACTION", 7),
                          ("E-UNKNOWN-KEY", 8)])
        self.assertEqual(errors[0]["column"], 19)

    def test_bytes_of_the_file_cannot_break_the_lines(self):
        for text in (b"version: 1\n\xff\xfe: 1\n", b'version: 1\n"a\\nb\\e[31m": 1\n',
                     b"\x00\x01", b""):
            self.assertTrue(self.findings(text, 2))

    def test_text_and_json_say_the_same(self):
        text = b"version: 2\nrules: 1\n"
        run, _ = self.run_check(text)
        for one in self.findings(text, 2):
            place = f":{one['line']}:{one['column']}: {one['code']}: {one['message']}"
            self.assertIn(place, run.stderr.decode())

    COVERED = (b"version: 1\npolicy: {name: a, revision: b}\n"
               b"segments:\n  s: {networks: [10.1.0.0/16]}\n  t: {networks: [10.2.0.0/16]}\n"
               b"rules:\n"
               b"  - {id: web, from: s, to: t, service: http, action: allow}\n"
               b"  - {id: mail, from: s, to: t, service: smtp, action: allow}\n"
               b"tests:\n"
               b"  - {name: x, flow: {src: 10.1.0.1, dst: 10.2.0.1, dport: 80},"
               b" expect: {decision: allow}}\n")

    def test_coverage_names_the_rules_no_test_exercises(self):
        run, path = self.run_check(self.COVERED, "--coverage")
        self.assertEqual(run.returncode, 0, run.stderr)
        text = run.stdout.decode()
        self.assertIn(f"never exercised:\n  {path}:8: mail\n", text)
        self.assertNotIn("web", text)
        self.assertRegex(text, r"rules +1 of 2\n")
        self.assertRegex(text, r"cells +1 of 16\n")
        self.assertRegex(text, r"  s +t +1 allow\n")

    def test_coverage_as_json_follows_the_findings(self):
        run, _ = self.run_check(self.COVERED, "--coverage", "--format", "json")
        lines = [json.loads(line) for line in run.stdout.decode().splitlines()]
        covered = [line for line in lines if "coverage" in line]
        self.assertEqual(lines[-len(covered):], covered)
        summary = covered[0]
        self.assertEqual(summary["coverage"], "summary")
        self.assertEqual(summary["rules"], {"n": 2, "exercised": 1})
        self.assertEqual(summary["questions"], 1)
        rules = {line["rule"]: line for line in covered if line["coverage"] == "rule"}
        self.assertEqual(rules["web"]["hits"], {"allow": 1})
        self.assertEqual((rules["mail"]["exercised"], rules["mail"]["line"]), (False, 8))
        self.assertEqual([line for line in covered if line["coverage"] == "cell"],
                         [{"coverage": "cell", "src_segment": "s", "dst_segment": "t",
                           "hits": {"allow": 1}}])

    def test_another_format_is_refused(self):
        run, _ = self.run_check(b"version: 1\n", "--format", "xml")
        self.assertEqual((run.returncode, run.stdout), (2, b""))


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
