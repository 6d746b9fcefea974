#!/usr/bin/env python3
"""segmon explain as a user meets it: test_explain.py SEGMON [unittest options]."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
POLICIES = ROOT / "tests" / "rules" / "policies"
SHARED = pathlib.Path(os.environ.get("SEGMON_SHARED", ROOT / ".." / "shared"))
VECTORS = SHARED / "vectors" / "policy"
OFFICE = ROOT / "rules" / "examples" / "small-office.yaml"
ENTERPRISE = ROOT / "rules" / "examples" / "enterprise-pci-ot.yaml"
ANSWER = ["id", "decision", "rule", "reason", "src_segment", "dst_segment", "flags",
          "tags", "staged_decision", "staged_rule"]
WEB = {"src": "192.168.10.21", "dst": "198.51.100.7", "dport": 443, "app": "TLS"}

SEGMON = None


class Explain(unittest.TestCase):
    def run_segmon(self, *arguments, **options):
        return subprocess.run([SEGMON, *map(str, arguments)], capture_output=True,
                              timeout=60, **options)

    def ask_bytes(self, questions, policy=OFFICE, status=0):
        run = self.run_segmon("explain", "-p", policy, "--questions", "-", input=questions)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        return [json.loads(line) for line in run.stdout.decode().splitlines()]

    def ask(self, *questions, **options):
        lines = "".join(json.dumps(q) + "\n" for q in questions)
        return self.ask_bytes(lines.encode(), **options)

    def refused(self, line, policy=OFFICE):
        """The error of one bad line between two good ones, which stay answered."""
        good = json.dumps(WEB).encode() + b"\n"
        answers = self.ask_bytes(good + line + b"\n" + good, policy, status=2)
        self.assertEqual(len(answers), 3)
        self.assertEqual(answers[0], answers[2])
        self.assertEqual(answers[0]["rule"], "staff-web")
        self.assertEqual(list(answers[1]), ["id", "error"])
        self.assertTrue(answers[1]["error"].startswith("line 2: "), answers[1])
        return answers[1]


class Questions(Explain):
    def test_an_answer_has_these_members_in_this_order(self):
        answer, = self.ask({"id": "a", **WEB, "tls": "1.3"})
        self.assertEqual(list(answer), ANSWER)
        self.assertEqual(answer, {
            "id": "a", "decision": "allow", "rule": "staff-web", "reason": "rule",
            "src_segment": "staff", "dst_segment": "internet", "flags": [], "tags": [],
            "staged_decision": "allow", "staged_rule": "staff-web"})

    def test_an_id_comes_back_as_it_went_in(self):
        for name in ("x", "", "é\u202e\n\"", 7, -(2 ** 63), None):
            answer, = self.ask({"id": name, **WEB})
            self.assertEqual(answer["id"], name)
        answer, = self.ask(WEB)
        self.assertIsNone(answer["id"])
        self.refused(json.dumps({"id": [1], **WEB}).encode())
        self.refused(json.dumps({"id": 1.5, **WEB}).encode())

    def test_numbers_and_texts_are_taken_alike(self):
        plain = {"src": "192.168.99.40", "dst": "192.168.20.2", "proto": "udp",
                 "dport": "53", "sport": "4000", "vlan": "99", "app": "DNS", "reply": "true"}
        other = {**plain, "proto": 17, "dport": 53, "sport": 4000, "vlan": 99, "reply": True}
        a, b = self.ask(plain, other)
        self.assertEqual(a, b)
        self.assertEqual((a["decision"], a["rule"]), ("allow", "names"))
        old, older = self.ask(*({"src": "203.0.113.9", "dst": "10.10.0.5", "dport": 443,
                                 "app": "TLS", "tls": tls} for tls in ("1.0", 1.0)),
                              policy=ENTERPRISE)
        self.assertEqual(old, older)
        self.assertEqual(old["reason"], "require.tls_min")

    def test_null_and_empty_say_nothing(self):
        a, b, c = self.ask(WEB, {**WEB, "sni": None, "vlan": None},
                           {**WEB, "sni": "", "risks": []})
        self.assertEqual(a, b)
        self.assertEqual(a, c)

    def test_risks_are_a_list_or_a_text(self):
        risks = ["clear_text_credentials", "tls_obsolete_version"]
        a, b, c = self.ask(*({**WEB, "risks": r} for r in (risks, ",".join(risks), risks[0])))
        self.assertEqual(a, b)
        self.assertEqual(a, c)
        self.refused(json.dumps({**WEB, "risks": ["no_such_risk"]}).encode())
        self.refused(json.dumps({**WEB, "risks": [["tls_obsolete_version"]]}).encode())

    def test_a_quoted_packet_is_text_or_object(self):
        error = {"src": "192.168.10.1", "dst": "192.168.10.21", "proto": "icmp", "icmp": "3:1"}
        quoted = {"src": "192.168.10.21", "dst": "198.51.100.7", "proto": "tcp",
                  "sport": 40000, "dport": 443}
        text = ",".join(str(v) for v in quoted.values())
        a, b = self.ask({**error, "icmp_embedded": quoted}, {**error, "icmp_embedded": text})
        self.assertEqual(a, b)
        self.assertEqual((a["rule"], a["flags"][0]), ("staff-web", "icmp-orphan"))
        related, = self.ask({**error, "icmp_related": True})
        self.assertEqual((related["decision"], related["rule"]), ("related", "-"))
        for bad in ({**quoted, "more": 1}, {"src": "10.0.0.1"}, {**quoted, "src": "a,b"},
                    {**quoted, "dport": {}}, {**quoted, "src": "1" * 300}):
            self.refused(json.dumps({**error, "icmp_embedded": bad}).encode())

    def test_a_mistake_is_told_with_its_line_and_id(self):
        answer = self.refused(json.dumps({**WEB, "dprot": 1, "id": "q"}).encode())
        self.assertEqual(answer["id"], "q")
        self.assertIn("'dprot' (did you mean 'dport'?)", answer["error"])
        for change in ({"src": "10.1"}, {"dst": None}, {"dst": "2001:db8::1"}, {"dport": 65536},
                       {"dport": 443.5}, {"vlan": -1}, {"app": "TSL"}, {"proto": "tpc"},
                       {"reply": "perhaps"}, {"start": "yesterday"}, {"stage": "late"},
                       {"confidence": "high"}, {"tls": 1.25}, {"sni": "a" * 300},
                       {"dport": [443]}, {"dport": {"port": 443}}, {"nothing": {}},
                       {"nothing": []}, {"icmp": "0:999", "proto": "icmp"}):
            self.refused(json.dumps({**WEB, **change}).encode())

    def test_hostile_lines_cost_no_other_line_its_answer(self):
        question = json.dumps(WEB).encode()
        for line in (b"{", b"null", b"[]", b'"src"', b"\x00", b'{"src":"\x00"}',
                     b'{"src":"\\u0000"}', b'{"sni":"\xff\xfe"}', b'{"\xc0\xaf":1}',
                     b"[" * 100000, b'{"risks":' + b"[" * 100000, b'{"a":' * 100000,
                     question + question, question[:-1] + b',"dport":80}',
                     question[:-1] + b',"dport":1e999}', b'{"vlan":99999999999999999999}',
                     b"{'src':1}", b"\xef\xbb\xbf" + question, b"a" * 300000,
                     question[:-1] + b',"sni":"' + b"a" * 300000 + b'"}'):
            self.refused(line)

    def test_blank_lines_and_a_missing_last_newline_are_fine(self):
        question = json.dumps(WEB).encode()
        answers = self.ask_bytes(b"\n \r\n" + question + b"\r\n\n" + question)
        self.assertEqual(len(answers), 2)
        self.assertEqual(self.ask_bytes(b""), [])

    def test_no_question_is_lost_in_many(self):
        answers = self.ask(*({"id": i, **WEB, "dport": i % 65536} for i in range(20000)))
        self.assertEqual([a["id"] for a in answers], list(range(20000)))

    def test_questions_come_from_a_file_too(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(json.dumps(WEB).encode())
            file.flush()
            run = self.run_segmon("explain", "-p", OFFICE, "--questions", file.name)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(json.loads(run.stdout)["rule"], "staff-web")

    def test_exit_status(self):
        for status, arguments in ((2, []), (2, ["-p", OFFICE]), (2, ["--questions", "-"]),
                                  (2, ["-p", "/no/such/file", "--questions", "-"]),
                                  (1, ["-p", OFFICE, "--questions", "/no/such/file"]),
                                  (1, ["-p", OFFICE, "--questions", "/"]),
                                  (2, ["-p", OFFICE, "--no-such-option"]),
                                  (0, ["--help"])):
            run = self.run_segmon("explain", *arguments, stdin=subprocess.DEVNULL)
            self.assertEqual(run.returncode, status, arguments)
            self.assertTrue(run.stdout if status == 0 else run.stderr)
        if os.path.exists("/dev/full"):
            with open("/dev/full", "wb") as full:
                run = subprocess.run([SEGMON, "explain", "-p", str(OFFICE), "--questions", "-"],
                                     input=json.dumps(WEB).encode(), stdout=full,
                                     stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(run.returncode, 1)


class OneFlow(Explain):
    def explain(self, *arguments, policy=OFFICE, status=0):
        run = self.run_segmon("explain", "-p", policy, *arguments)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        return run.stdout.decode()

    def test_a_near_miss_is_explained(self):
        text = self.explain("192.168.10.6", "192.168.20.9", "tcp/22", "SSH")
        lines = text.splitlines()
        self.assertRegex(lines.pop(1), r"^policy    small-office@1, sha256 [0-9a-f]{12}$")
        self.assertEqual(lines, """\
flow      192.168.10.6 -> 192.168.20.9 tcp/22, application SSH
source    192.168.10.6 is in staff: 192.168.10.0/24
target    192.168.20.9 is in servers: 192.168.20.0/24
path      4 of 11 rules name staff and servers
          rule      names                    no, service: tcp/53, udp/53
          rule      office-services          no, service: tcp/443, tcp/445, tcp/587, tcp/993
          rule      administration           no, from_addr: 192.168.10.5
          rule      ping                     no, service: icmp/8, icmp6/128
          default   default:inter            yes: deny
decision  deny by default:inter (default)
          flag: near-miss:administration:from_addr
change    with from_addr: 192.168.10.5 (it is 192.168.10.6) 'administration' would say alert
""".splitlines())

    def test_people_are_told_what_would_change_it(self):
        for said, arguments in (
                ("with require.tls_min: 1.2 or later (it is 1.0) 'shop' would say allow",
                 ("203.0.113.66", "10.10.0.5", "https", "TLS", "--tls", "1.0")),
                ("'control' permits it in the other direction: was it opened by scada?",
                 ("10.82.1.20", "10.81.0.10", "tcp/502", "Modbus")),
                ("'vendor-commissioning' permitted it until it expired",
                 ("10.90.0.4", "10.82.1.20", "s7comm", "s7comm", "--start",
                  "2026-04-04T23:00:00Z")),
                ("'control-from-cell', once enforced, makes it allow",
                 ("10.82.1.20", "10.81.0.10", "tcp/20000", "DNP3")),
                ("no rule can permit what guardrail 'plant-offline' denies",
                 ("10.82.1.20", "198.51.100.10", "tcp/443")),
                ("only a rule before 'office-tunnels' could permit it",
                 ("10.20.1.1", "198.51.100.10", "udp/1194", "OpenVPN")),
                ("no rule from users to pcidb comes near it",
                 ("10.20.1.11", "10.60.10.10", "postgresql", "PostgreSQL"))):
            text = self.explain(*arguments, policy=ENTERPRISE)
            self.assertIn("change    " + said, text)
            answer = json.loads(self.explain(*arguments, "--json", policy=ENTERPRISE))
            self.assertEqual(answer["changes"][0], said)

    def test_it_reads_well_for_every_kind_of_decision(self):
        golden = (HERE / "explain_golden.txt").read_text().split("$ ")[1:]
        self.assertGreater(len(golden), 10)
        for one in golden:
            command, text = one.split("\n", 1)
            policy, *arguments = shlex.split(command)
            said = self.explain(*arguments, policy=POLICIES / policy)
            self.assertEqual(re.sub("(?m)^policy .*\n", "", said), text.rstrip("\n") + "\n",
                             command)

    def test_a_qualifier_that_fails_is_named(self):
        ends = ("192.168.99.40", "192.168.20.9", "ping")
        text = self.explain(*ends)
        self.assertIn("192.168.99.40 is in unknown: 192.168.0.0/16\n"
                      "          not guests: 192.168.99.0/24, but its vlans\n", text)
        self.assertIn("is in guests: 192.168.99.0/24, vlans 99\n",
                      self.explain(*ends, "--vlan", "99"))

    def test_json_is_one_object_with_the_answer_in_it(self):
        text = self.explain("192.168.10.21", "198.51.100.7", "https", "TLS", "-j")
        self.assertEqual(text.count("\n"), 1)
        answer = json.loads(text)
        batch, = self.ask(WEB)
        for key in ANSWER[1:]:
            self.assertEqual(answer[key], batch[key])
        self.assertEqual(answer["path"][-1],
                         {"rule": "staff-web", "tier": "rule", "result": "matched",
                          "decision": "allow", "reversed": False})
        self.assertEqual(answer["source"]["prefix"], "192.168.10.0/24")

    def test_services_are_terms_and_names(self):
        for service, shown in (("icmp/echo-request", "icmp/8:0"), ("icmp6/128", "icmp6/128:0"),
                               ("ip/gre", "ip/47"), ("udp/53", "udp/53"), ("ssh", "tcp/22"),
                               ("tcp/8000-8010", "tcp/8000"), ("payment-api", "tcp/8443")):
            self.assertIn(" " + shown + ",",
                          self.explain("10.20.1.1", "10.60.0.1", service, policy=ENTERPRISE))
        for service in ("tcp/any", "any", "443", "443/tcp", "no-such", "", "tcp/70000"):
            self.explain("10.20.1.1", "10.60.0.1", service, status=2)

    def test_each_ip_version_has_its_own_ping(self):
        with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
            file.write(b"version: 1\nsegments: {a: {networks: [10.0.0.0/8, \"2001:db8::/32\"]}}\n")
            file.flush()
            for address, shown in (("10.0.0.1", "icmp/8:0"), ("2001:db8::1", "icmp6/128:0")):
                self.assertIn(" " + shown + ",",
                              self.explain(address, address, "ping", policy=file.name))

    def test_a_service_nearly_named_is_suggested(self):
        run = self.run_segmon("explain", "-p", OFFICE, "10.1.1.1", "10.2.1.1", "htps")
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"did you mean 'https'?", run.stderr)

    def test_mistakes_are_usage(self):
        good = ("10.20.1.1", "10.60.0.1", "tcp/443")
        for arguments in (good[:2], good + ("TLS", "more"), ("10.20.1", *good[1:]),
                          ("::1", *good[1:]), good + ("TSL",), good + ("--vlan", "5000"),
                          good + ("--tls", "2"), good + ("--risks", "none_such"),
                          good + ("--questions", "-")):
            self.assertEqual(self.explain(*arguments, status=2), "")

    def test_texts_of_a_policy_cannot_disturb_a_terminal(self):
        with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
            file.write(b'version: 1\npolicy: {name: "a\\e[31m", revision: "1"}\nrules:\n'
                       b'  - {id: r, from: any, to: any, action: deny, title: "\\e]0;x\\a"}\n')
            file.flush()
            for form in ((), ("--json",)):
                text = self.explain("10.0.0.1", "8.8.8.8", "tcp/1", *form, policy=file.name)
                self.assertNotIn("\033", text)
                self.assertNotIn("\a", text)


class Vectors(Explain):
    @classmethod
    def setUpClass(cls):
        if not (VECTORS / "cases.tsv").exists():
            print(f"skipped: no policy vectors at {VECTORS}", file=sys.stderr)
            raise unittest.SkipTest("no policy vectors")

    FACTS = ("src dst proto sport dport icmp vlan sensor stage app confidence tls sni host "
             "risks initiator reply start icmp_related icmp_embedded").split()

    @staticmethod
    def typed(key, value):
        """As a program would write it."""
        if key in ("sport", "dport", "vlan"):
            return int(value)
        if key == "reply":
            return value == "true"
        if key == "risks":
            return value.replace("+", ",").split(",")
        if key == "icmp_embedded":
            names = ("src", "dst", "proto", "sport", "dport")
            return dict(zip(names, value.split(",")))
        return value

    def test_every_vector_gets_its_answer(self):
        lines = (VECTORS / "cases.tsv").read_text().splitlines()
        head = lines[0].split("\t")
        rows = [dict(zip(head, line.split("\t"))) for line in lines[1:]]
        self.assertGreater(len(rows), 100)
        for policy in sorted({row["policy"] for row in rows}):
            chosen = [row for row in rows if row["policy"] == policy]
            for convert in (self.typed, lambda key, value: value):
                answers = self.ask(
                    *({"id": row["id"], **{key: convert(key, row[key]) for key in self.FACTS
                                           if row.get(key)}} for row in chosen),
                    policy=VECTORS / "policies" / (policy + ".yaml"))
                self.assertEqual(len(answers), len(chosen))
                for row, answer in zip(chosen, answers):
                    self.compare(row, answer)

    def compare(self, row, answer):
        self.assertEqual(row["id"], answer["id"])
        for key in ("decision", "rule", "reason", "src_segment", "dst_segment",
                    "staged_decision", "staged_rule"):
            if row.get(key):
                self.assertEqual(row[key], answer[key], row)
        for key in ("flags", "tags"):
            for one in filter(None, row[key].split("+")):
                self.assertIn(one, answer[key], row)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
