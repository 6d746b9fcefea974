#!/usr/bin/env python3
"""segmon check as a user meets it: test_check.py SEGMON [unittest options]."""
import hashlib
import json
import os
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

    def test_every_warning_has_its_place_and_its_rule(self):
        head = (b"version: 1\npolicy: {name: a, revision: b}\nsegments:\n"
                b"  a: {networks: [10.1.0.0/16]}\n  b: {networks: [10.2.0.0/16]}\n"
                b"  cards: {networks: [10.2.9.0/24], labels: {pci: cde}}\n"
                b"  both: {networks: [10.3.0.0/16, \"2001:db8::/32\"]}\n"
                b"  nat: {networks: [10.4.0.0/16], translated: true}\n"
                b"  vault: {networks: [10.5.0.0/16], criticality: critical}\nrules:\n")
        exception = b"expires: 2200-01-01, exception: {ticket: t, owner: o, reason: r}"
        for rule, found in (
                (b"from: a, to: vault, action: allow", [("W-NO-JUSTIFICATION", 11, 5)]),
                (b"from: a, to: cards, action: allow", [("W-NO-JUSTIFICATION", 11, 5)]),
                (b"from: vault, to: a, action: allow", []),
                (b"from: vault, to: a, both_ways: true, action: allow",
                 [("W-NO-JUSTIFICATION", 11, 5)]),
                (b"from: a, to: vault, action: allow, justification: x", []),
                (b"from: a, to: vault, action: allow, title: x", []),
                (b"from: a, to: vault, action: allow, " + exception, []),
                (b"from: a, to: both, action: alert", [("W-V4-ONLY", 4, 3)]),
                (b"from: both, to: a, action: alert", [("W-V4-ONLY", 4, 3)]),
                (b"from: a, to: both, to_addr: 10.3.0.1, action: alert", []),
                (b"from: a, to: both, action: alert, when: {ip_version: 4}", []),
                (b"from: any, to: both, action: allow", []),
                (b"from: nat, to: a, action: allow", [("W-TRANSLATED", 11, 5)]),
                (b"from: a, to: nat, both_ways: true, action: alert",
                 [("W-TRANSLATED", 11, 5)]),
                (b"from: a, to: nat, action: allow", []),
                (b"from: nat, to: a, service: ssh, action: deny", [("W-REDUNDANT", 11, 5)]),
                (b"from: b, to: a, action: allow", [("W-CARVE-OUT", 5, 3)]),
                (b"from: [b, cards], to: a, action: allow", []),
                (b"from: b, from_except: cards, to: a, action: allow", []),
                (b"from: any, to: any, action: allow", [("W-BROAD", 11, 5)]),
                (b"from: any, to: any, action: alert", [("W-CATCHALL", 11, 5)]),
                (b"from: a, to: nat, app: SSH, action: alert", [("W-ALERT-APP", 11, 5)]),
                (b"from: a, to: nat, action: allow, expires: 2020-01-01",
                 [("W-EXPIRED", 11, 5)]),
                (b"from: a, to: nat, app: DCERPC, action: allow", [("W-APP-ALIAS", 11, 36)]),
                (b"from: a, to: nat, to_addr: 8.8.8.8, action: allow",
                 [("W-UNMATCHABLE", 11, 5)])):
            got = self.findings(head + b"  - {id: r, " + rule + b"}\n", 0)
            self.assertEqual([(one["code"], one["line"], one["column"]) for one in got], found,
                             rule)
            for one in got:
                self.assertEqual(one["rule"], "r", rule)

    def test_a_flow_of_a_test_has_the_facts_of_its_protocol(self):
        head = (b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\n"
                b"tests:\n  - {name: t, expect: {decision: allow}, flow: {"
                b"src: 10.1.0.1, dst: 10.1.0.2, ")
        for facts, found in (
                (b"proto: icmp, icmp: echo-request", []),
                (b"icmp: echo-request, proto: icmp", []),
                (b"icmp: echo-request", [("E-TEST", 5, 5)]),
                (b"proto: udp, icmp: 8", [("E-TEST", 5, 5)]),
                (b"dport: 70000", [("E-TEST", 5, 86)])):
            got = self.findings(head + facts + b"}}\n", 2 if found else 0)
            self.assertEqual([(one["code"], one["line"], one["column"]) for one in got], found,
                             facts)

    def test_nothing_in_a_list_is_not_anything(self):
        head = (b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\n"
                b"services: {none: []}\nrules:\n  - {id: r, from: a, to: a, action: allow, ")
        for key in (b"service: []", b"app: []", b"to_addr: []", b"src_port: []",
                    b"when: {sni: []}", b"when: {vlan: []}", b"require: {app: []}",
                    b"service: none"):
            found = self.findings(head + key + b"}\n", 2)
            self.assertEqual({one["code"] for one in found}, {"E-EMPTY"}, key)

    def test_mistakes_in_a_rule_name_it(self):
        found = self.findings(
            b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\nrules:\n"
            b"  - {from: a, id: r-1, to: b, action: perhaps, when: {sin: x}}\n"
            b"  - {id: Bad Id, from: a, to: a, action: allow, mode: x}\n", 2)
        self.assertEqual({(one["line"], one["rule"]) for one in found},
                         {(5, "r-1"), (6, None)})

    def test_what_the_analysis_finds_shows_its_line(self):
        run, path = self.run_check(
            b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\nrules:\n"
            b"  - {id: x, from: a, to: internet, action: allow}\n"
            b"  - {id: y, from: a, to: internet, service: ssh, action: deny}\n")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stderr.decode().splitlines(), [
            f"{path}:6:5: W-SHADOWED: 'y' never matches: 'x' takes all it would match, "
            "and decides otherwise",
            "      - {id: y, from: a, to: internet, service: ssh, action: deny}",
            "        ^"])

    def test_rules_that_shadow_together_are_told_with_what_they_decide(self):
        found = self.findings(
            b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\ndefaults: {inter: alert}\n"
            b"rules:\n  - {id: x, from: a, to: internet, service: tcp/1-9, action: deny}\n"
            b"  - {id: y, from: a, to: internet, service: tcp/10-99, action: deny}\n"
            b"  - {id: z, from: a, to: internet, service: tcp/5-50, action: allow}\n", 0)
        self.assertEqual([one["message"] for one in found],
                         ["'z' never matches: 'x' and 'y' take all it would match, "
                          "and not all decide as it would"])

    def test_what_is_left_out_is_counted(self):
        rules = b"".join(b"  - {id: r%d, from: a, to: internet, service: tcp/%d, "
                         b"action: deny}\n" % (i, i) for i in range(1, 240))
        found = self.findings(
            b"version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\nrules:\n" + rules +
            b"  - {id: all, from: a, to: internet, action: deny}\n"
            b"  - {id: late, from: a, to: internet, service: ssh, action: allow}\n", 0)
        self.assertEqual(found[-1]["code"], "W-LEFT-OUT")
        self.assertIn("0 errors, 0 warnings, 41 notes", found[-1]["message"])
        self.assertEqual([(one["rule"], one["blockers"], one["different_action"])
                          for one in found if one["code"] == "W-SHADOWED"],
                         [("late", ["r22"], True)])

    def test_the_printed_policy_is_what_the_digest_is_of(self):
        text = (b"# Words.\nversion: 1\npolicy: {name: a, revision: b}\n"
                b"segments: {s: {networks: [10.0.0.0/8]}}\ngroups: {g: [s, internet]}\n"
                b"rules: [{id: r, from: g, to: s, service: https, action: allow}]\n")
        run, _ = self.run_check(text)
        said = run.stdout.split()[-1].decode()
        printed, _ = self.run_check(text, "--print")
        self.assertEqual(printed.returncode, 0)
        self.assertIn(b"    service: [tcp/443]\n", printed.stdout)
        self.assertEqual(hashlib.sha256(printed.stdout).hexdigest()[:12], said)
        again, _ = self.run_check(printed.stdout, "-P")
        self.assertEqual(again.stdout, printed.stdout)
        self.assertEqual(again.stderr, b"")

    def test_a_policy_with_mistakes_is_not_printed(self):
        for text, arguments in ((b"version: 2\n", ["--print"]),
                                (b"version: 1\n", ["--print", "--format", "json"])):
            run, _ = self.run_check(text, *arguments)
            self.assertEqual((run.returncode, run.stdout), (2, b""))
            self.assertTrue(run.stderr)

    def test_quiet_leaves_mistakes_only(self):
        text = (b"version: 1\npolicy: {name: q, revision: 1}\n"
                b"segments: {a: {networks: [10.0.0.0/8]}}\ngroups: {g: [a]}\n")
        run, _ = self.run_check(text)
        self.assertIn(b"W-UNUSED-DEF", run.stderr)
        for arguments in (("-q",), ("-q", "--format", "json")):
            run, _ = self.run_check(text, *arguments)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        run, _ = self.run_check(text + b"nonsense: 1\n", "--quiet")
        self.assertIn(b"E-UNKNOWN-KEY", run.stderr)
        self.assertNotIn(b"W-UNUSED-DEF", run.stderr)

    def test_mistakes_in_one_long_line_cost_no_more_than_in_many(self):
        def seconds(separator):
            before = os.times().children_user
            self.run_check(b"version: 1\nsegments:\n a:\n  networks: [" +
                           b"10.0.0.1/8,".join([separator] * 80_000) + b"]\n")
            return os.times().children_user - before
        self.assertLess(seconds(b" "), 3 * seconds(b"\n "))

    def test_another_format_is_refused(self):
        run, _ = self.run_check(b"version: 1\n", "--format", "xml")
        self.assertEqual((run.returncode, run.stdout), (2, b""))


CONFIG = """\
sensor: edge
policy: policy.yaml
capture: {interfaces: [eth1, eth2], workers: 2}
memory: 2G
outputs: [{redis: "redis://u:secret@h", events: [violation]}]
"""


class Configuration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.config = self.path / "segmon.yaml"
        self.config.touch(0o600)
        self.policy = self.path / "policy.yaml"
        self.policy.write_text("version: 1\npolicy: {name: a, revision: b}\n")

    def check(self, *arguments, config=CONFIG, status=0):
        self.config.write_text(config)
        run = subprocess.run([SEGMON, "check", "-C", self.config, *arguments],
                             capture_output=True, timeout=60)
        self.assertEqual(run.returncode, status, run.stderr)
        return run.stdout.decode(), run.stderr.decode()

    def test_in_order_is_summed_up_with_its_policy(self):
        out, err = self.check()
        self.assertIn(f"{self.config}: sensor edge, 2 interfaces, 2 workers, 1 outputs\n", out)
        self.assertIn("memory: capture rings 256M, ", out)
        self.assertIn(f"{self.policy}: a@b, ", out)
        self.assertEqual(err, "")

    def test_mistakes_in_both_files_are_told_with_their_places(self):
        self.policy.write_text("version: 1\nrulez: 1\n")
        config = CONFIG + "capture: {}\nprivcy: {}\n"
        out, err = self.check(config=config, status=2)
        self.assertEqual(out, "")
        for line in (f"{self.config}:6:1: E-DUPKEY", f"{self.config}:7:1: E-UNKNOWN-KEY",
                     f"{self.policy}:2:1: E-UNKNOWN-KEY"):
            self.assertIn(line, err)
        out, err = self.check("--format", "json", config=config, status=2)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual({(one["file"], one["line"], one["code"]) for one in found},
                         {(str(self.config), 6, "E-DUPKEY"),
                          (str(self.config), 7, "E-UNKNOWN-KEY"),
                          (str(self.policy), 2, "E-UNKNOWN-KEY")})
        self.assertEqual(err, "")

    def test_a_policy_that_is_missing_is_a_mistake(self):
        self.policy.unlink()
        self.assertIn(f"{self.policy}: E-FILE: there is no such file", self.check(status=2)[1])

    def test_what_is_printed_reads_back_as_the_same_without_the_password(self):
        once, _ = self.check("--print")
        self.assertNotIn("secret", once)
        self.assertIn(f'policy: "{self.policy}"', once)
        self.assertIn("  timeouts:\n    tcp_opening: 60s\n", once)
        self.assertEqual(self.check("--print", config=once)[0], once)

    def test_a_password_is_not_shown_and_not_for_everybody(self):
        self.config.chmod(0o644)
        _, err = self.check()
        self.assertIn(f"{self.config}:5:10: W-SECRET: ", err)
        self.assertNotIn("secret@", err)
        _, err = self.check(config=CONFIG.replace("@h", "@h:x"), status=2)
        self.assertNotIn("secret", err)

    def test_a_file_with_a_password_must_be_there_and_not_for_everybody(self):
        config = CONFIG.replace("events: [violation]", "password_file: secret")
        self.assertIn(f"{self.path}/secret: E-FILE: ", self.check(config=config, status=2)[1])
        secret = self.path / "secret"
        secret.write_text("sesame\n")
        secret.chmod(0o644)
        self.assertIn(f"{self.path}/secret: E-FILE: everybody may read",
                      self.check(config=config, status=2)[1])
        secret.chmod(0o600)
        self.check(config=config)

    def test_a_spool_must_be_where_the_service_may_write(self):
        config = CONFIG + "spool: {directory: spool}\n"
        self.assertEqual(self.check(config=config)[1], "")
        missing = config.replace("directory: spool", "directory: a/spool")
        self.assertIn(f"{self.config}:6:20: W-FILE: ", self.check(config=missing)[1])
        spool = self.path / "spool"
        spool.touch()
        self.assertIn(f"{self.config}:6:20: E-FILE: it is not a folder",
                      self.check(config=config, status=2)[1])
        spool.unlink()
        spool.mkdir(0o700)
        self.assertEqual(self.check(config=config)[1], "")
        config += "service: {user: nobody}\n"
        if os.geteuid() == 0:
            self.assertIn(f"{self.config}:6:20: E-FILE: the user 'nobody' may not write there",
                          self.check(config=config, status=2)[1])
        spool.chmod(0o777)
        self.assertEqual(self.check(config=config)[1], "")

    def test_the_example_that_is_shipped_is_in_order(self):
        example = ROOT / "tools/packaging/segmon.yaml"
        run = subprocess.run([SEGMON, "check", "-C", example], capture_output=True, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, b""))

    def test_what_is_no_file_of_moderate_size_is_refused_at_once(self):
        fifo, big = self.path / "fifo", self.path / "big"
        os.mkfifo(fifo)
        big.write_bytes(b"a" * (2 << 20))
        for path, code in ((fifo, "E-FILE"), (self.path, "E-FILE"), ("/dev/zero", "E-FILE"),
                           (big, "E-LIMIT")):
            run = subprocess.run([SEGMON, "check", "-C", path], capture_output=True, timeout=20)
            self.assertEqual(run.returncode, 2)
            self.assertIn(code.encode(), run.stderr)

    def test_it_is_one_or_the_other(self):
        for arguments in ((), ("-p", "x", "-C", "y")):
            run = subprocess.run([SEGMON, "check", *arguments], capture_output=True, timeout=60)
            self.assertEqual(run.returncode, 2)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
