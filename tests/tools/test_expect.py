#!/usr/bin/env python3
"""segmon replay --expect and --coverage: test_expect.py SEGMON [unittest options]."""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402

SEGMON = None

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: tcp/80, require: {app: HTTP}, action: allow}
  - {id: plan, from: users, to: servers, service: tcp/8443, action: allow, mode: staged}
"""
HTTP = (b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")
SSH = (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n")
CLIENT, SERVER = "10.1.0.1", "10.2.0.1"


def refused(client, server, port, sport):
    return [p.tcp(client, sport, server, port, p.SYN),
            p.tcp(server, port, client, sport, p.RST | p.ACK, 0, 1)]


# One violation of each kind: of a requirement, through, refused, unanswered.
TRAFFIC = (p.tcp_session(CLIENT, SERVER, 80, 40000, *HTTP) +
           p.tcp_session(CLIENT, SERVER, 80, 40001, *SSH) +
           p.tcp_session(CLIENT, SERVER, 22, 40002, *SSH) +
           refused(CLIENT, SERVER, 23, 40003) +
           [p.tcp(CLIENT, 40004, SERVER, 25, p.SYN)])
EXPECTED = """\
web            10.1.0.1  10.2.0.1  tcp/80  established  require.app
default:inter  10.1.0.1  10.2.0.1  tcp/22  established
default:inter  10.1.0.1  10.2.0.1  tcp/23  refused
default:inter  10.1.0.1  10.2.0.1  tcp/25  attempt
"""


class Expect(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.policy = self.file("policy.yaml", POLICY.encode())
        self.capture = self.file("a.pcap", p.pcap(TRAFFIC))

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content)
        return str(path)

    def replay(self, *arguments, status=0, capture=None, quiet=("-q",)):
        run = subprocess.run(
            [SEGMON, "replay", *quiet, "-p", self.policy, *arguments, capture or self.capture],
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        return run

    def expect(self, text, status=0, **options):
        """What is told, a line each, without the file's name."""
        path = self.file("expected.tsv", text.encode())
        told = self.replay("--expect", path, status=status, **options).stderr.decode()
        self.assertEqual(told.count(path + ":"), len(told.splitlines()), told)
        return told.replace(path + ":", "").splitlines()

    def problems(self, text):
        """Line, column and message of each mistake."""
        path = self.file("expected.tsv", text.encode())
        told = self.replay("--expect", path, status=2).stderr.decode()
        found = [line.removeprefix(path + ":").split(" ", 1) for line in told.splitlines()
                 if line.startswith(path)]
        for _, message in found:
            self.assertTrue(message.startswith("E-EXPECT: "), message)
        return [(place, message.removeprefix("E-EXPECT: ")) for place, message in found]

    def test_what_is_expected_is_no_difference(self):
        self.assertEqual(self.expect(EXPECTED), [])

    def test_the_number_of_workers_makes_no_difference(self):
        path = self.file("expected.tsv", EXPECTED.encode())
        for workers in ("1", "2", "3"):
            self.replay("--workers", workers, "--expect", path)

    def test_nothing_expected_and_nothing_there_is_fine(self):
        quiet = self.file("quiet.pcap", p.pcap(TRAFFIC[:5]))
        self.assertEqual(self.expect("# nothing\n\n", capture=quiet), [])

    def test_what_is_missing_is_told_with_its_line(self):
        told = self.expect("# head\n" + EXPECTED +
                           "default:inter 10.1.0.9 servers udp/53 * # why\n", status=1)
        self.assertEqual(told, ["6: missing: default:inter 10.1.0.9 servers udp/53 *"])

    def test_what_is_unexpected_is_told_behind_the_last_line(self):
        told = self.expect("".join(EXPECTED.splitlines(True)[:3]), status=1)
        self.assertEqual(told, ["4: unexpected: default:inter 10.1.0.1 10.2.0.1 tcp/25 "
                                "attempt (users to servers)"])

    def test_what_differs_in_one_column_is_told_together(self):
        told = self.expect(EXPECTED.replace("refused", "established"), status=1)
        self.assertEqual(told, [
            "3: missing: default:inter 10.1.0.1 10.2.0.1 tcp/23 established"
            " (there is one with outcome refused)",
            "3: unexpected: default:inter 10.1.0.1 10.2.0.1 tcp/23 refused (users to servers)"])

    def test_a_star_is_anything_and_a_line_may_stand_for_many(self):
        self.assertEqual(self.expect("* * * * *\n"), [])
        self.assertEqual(self.expect("web * * * * require.app\n* users servers tcp/1-79 *\n"), [])
        self.assertEqual(self.expect("* 10.1.0.0/16 10.2.0.0/24 any * *\n"), [])

    def test_every_column_counts(self):
        for good, bad in (("web ", "plan "), ("10.1.0.1", "10.1.0.2"),
                          ("10.2.0.1", "users"), ("tcp/80", "udp/80"),
                          ("established", "attempt"), ("require.app", "require.sni")):
            self.assertEqual(len(self.expect(EXPECTED.replace(good, bad, 1), status=1)), 2, bad)

    def test_a_file_that_was_written_is_fulfilled(self):
        path = self.path / "written.tsv"
        self.replay("--expect-write", str(path))
        self.replay("--expect", str(path))
        lines = [line.split("\t") for line in path.read_text().splitlines()
                 if not line.startswith("#")]
        self.assertCountEqual(lines, [line.split() for line in EXPECTED.splitlines()])
        again = self.replay("--workers", "2", "--expect-write", "-").stdout.decode()
        self.assertEqual(again, path.read_text())

    def test_the_summary_makes_room_on_standard_output(self):
        for option in ("--expect-write", "--coverage"):
            run = self.replay(option, "-", quiet=())
            self.assertIn(b"verdicts", run.stderr)
            self.assertNotIn(b"verdicts", run.stdout)

    def sweep(self, n):
        return self.file("sweep.pcap", p.pcap([
            p.tcp(CLIENT, 40000 + i, f"10.2.{i // 200}.{1 + i % 200}", 445, p.SYN)
            for i in range(n)]))

    def test_a_sweep_is_one_violation_to_many(self):
        capture = self.sweep(300)
        run = self.replay("--expect-write", "-", capture=capture)
        self.assertIn(b"\ndefault:inter\t10.1.0.1\tmany\ttcp/445\tattempt\n", run.stdout)
        many = "default:inter 10.1.0.1 many tcp/445 attempt\n"
        told = self.expect(many, status=1, capture=capture)
        self.assertTrue(all("unexpected" in line for line in told))
        self.assertEqual(self.expect(many + "default:inter 10.1.0.1 servers tcp/445 attempt\n",
                                     capture=capture), [])

    def test_a_sweep_over_ports_is_one_violation_too(self):
        capture = self.file("ports.pcap", p.pcap(
            [one for i in range(200) for one in refused(CLIENT, SERVER, 1000 + i, 50000 + i)]))
        self.assertEqual(self.expect("default:inter 10.1.0.1 10.2.0.1 tcp/many refused\n"
                                     "default:inter 10.1.0.1 10.2.0.1 tcp/1000-1199 refused\n",
                                     capture=capture), [])

    def test_many_differences_are_counted(self):
        path = self.file("expected.tsv", "".join(
            f"web 10.1.0.9 10.2.0.9 tcp/{1 + i} *\n" for i in range(60)).encode())
        told = self.replay("--expect", path, status=1).stderr.decode().splitlines()
        self.assertEqual(len(told), 50 + 4 + 1)
        self.assertEqual(told[-1], "in all 60 missing, 4 unexpected")

    def test_mistakes_are_told_with_their_place(self):
        self.assertEqual(self.problems("wep users servers tcp/80 *\n"), [
            ("1:1:", "'wep' is no rule of the policy (did you mean 'web'?)")])
        self.assertEqual(self.problems("\n  web  user\tserver tcp/80 *\n"), [
            ("2:8:", "'user' is no address, prefix or segment (did you mean 'users'?)"),
            ("2:13:", "'server' is no address, prefix or segment, nor 'many' "
                      "(did you mean 'servers'?)")])
        for line, column in (("web users servers 80/tcp *", 19), ("web users servers tcp/80 no", 26),
                             ("web users servers tcp/80 * why", 28), ("web many * * *", 5),
                             ("web users servers tcp/80", 1), ("web users servers * data", 21),
                             ("web 10.1.0.1/16 * * *", 5), ("web * * * * * more", 15),
                             ("web \x01 * * *", 5), ("web\0* * * *", 4)):
            places = [place for place, _ in self.problems("# head\n" + line)]
            self.assertEqual(places, [f"2:{column}:"], line)

    def test_every_mistake_of_a_file_is_told(self):
        self.assertEqual(len(self.problems("no\nweb\n" + EXPECTED + "* * * * *\nx * * * *\n")), 3)

    def test_lines_have_a_limit(self):
        self.assertEqual(self.expect("#" + 511 * "x" + "\n" + EXPECTED), [])
        self.assertEqual(self.problems("\n#" + 512 * "x" + "\n"),
                         [("2:513:", "the line is longer than 512 bytes")])

    def test_files_have_a_limit(self):
        self.assertEqual(self.expect(20000 * "* * * * *\n"), [])
        self.assertEqual([place for place, _ in self.problems(20001 * "* * * * *\n")],
                         ["20001:1:"])

    def test_a_file_that_is_not_there_is_a_mistake(self):
        run = self.replay("--expect", str(self.path / "none"), status=2)
        self.assertIn(b"No such file", run.stderr)
        self.replay("--expect", str(self.path), status=2)

    def test_options_that_contradict_each_other_are_refused(self):
        path = self.file("expected.tsv", EXPECTED.encode())
        self.replay("--expect", path, "--fail-on-violation", status=2)
        self.replay("--coverage", "-", "--output", "-", status=2)
        run = subprocess.run([SEGMON, "replay", "--expect", path, self.capture],
                             capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 2)

    def test_inputs_are_not_overwritten(self):
        for option in ("--expect-write", "--coverage"):
            for path in (self.capture, self.policy):
                self.replay(option, path, status=1)
        self.assertEqual(pathlib.Path(self.policy).read_text(), POLICY)

    def test_a_full_disk_is_a_failure(self):
        for option in ("--expect-write", "--coverage"):
            self.assertIn(b"/dev/full", self.replay(option, "/dev/full", status=1).stderr)

    def coverage(self, *arguments):
        path = self.path / "coverage.json"
        self.replay("--coverage", str(path), *arguments)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_coverage_counts_the_flows_of_a_replay(self):
        lines = self.coverage()
        rules = {line["rule"]: line for line in lines if line["coverage"] == "rule"}
        self.assertEqual(lines[0]["questions"], 5)
        self.assertEqual(rules["web"]["hits"], {"allow": 1, "deny": 1})
        self.assertEqual(rules["default:inter"]["hits"], {"deny": 3})
        self.assertEqual((rules["plan"]["mode"], rules["plan"]["exercised"]), ("staged", False))
        self.assertEqual([line for line in lines if line["coverage"] == "cell"], [
            {"coverage": "cell", "src_segment": "users", "dst_segment": "servers",
             "hits": {"allow": 1, "deny": 4}}])

    def test_coverage_is_the_same_with_more_workers(self):
        self.capture = self.sweep(300)
        self.assertEqual(self.coverage(), self.coverage("--workers", "3"))

    def test_coverage_as_text_names_what_was_never_exercised(self):
        text = self.replay("--coverage", "-").stdout.decode()
        self.assertIn("coverage of 5 flows\n", text)
        self.assertRegex(text, r"staged:\n  .*policy.yaml:8: plan\n")
        self.assertNotIn("web", text)


class Sample(unittest.TestCase):
    """The shipped sample: what is said of it against what its events add up to."""
    POLICY = str(ROOT / "rules/examples/enterprise-pci-ot.yaml")
    CAPTURE = str(ROOT / "tests/lab/sample/segments.pcap")
    DECISIONS = {"allowed": "allow", "violation": "deny", "alert": "alert",
                 "observed": "observe", "pending": "pending", "related": "related"}
    RANKS = {"refused": 0, "attempt": 1, "established": 2, "data": 3}

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            coverage, expected = (pathlib.Path(folder) / name for name in ("c.json", "e.tsv"))
            run = subprocess.run(
                [SEGMON, "replay", "-q", "-o", "-", "-p", cls.POLICY, "--coverage", str(coverage),
                 "--expect-write", str(expected), cls.CAPTURE],
                capture_output=True, timeout=60, check=True)
            cls.coverage = [json.loads(line) for line in coverage.read_text().splitlines()]
            cls.expected = expected.read_text().splitlines()
        events = [json.loads(line) for line in run.stdout.splitlines()]
        cls.flows = [e for e in events if e["event"]["dataset"] == "segmon.flow"
                     and e["segmon"]["record"] == "end"]
        cls.violations = [e for e in events if e["event"]["dataset"] == "segmon.violation"]

    def hits(self, kind, *names):
        return {tuple(line[name] for name in names) + (decision,): n
                for line in self.coverage if line["coverage"] == kind
                and not str(line.get("rule")).startswith("tag-") and line.get("mode") != "staged"
                for decision, n in line["hits"].items()}

    def test_cells_are_those_of_the_flows(self):
        self.assertGreater(len(self.flows), 100)
        self.assertEqual(self.hits("cell", "src_segment", "dst_segment"), collections.Counter(
            (e["observer"]["ingress"]["zone"], e["observer"]["egress"]["zone"],
             self.DECISIONS[e["segmon"]["verdict"]]) for e in self.flows))

    def test_rules_are_those_of_the_flows(self):
        self.assertEqual(self.hits("rule", "rule"), collections.Counter(
            (e["rule"]["id"], self.DECISIONS[e["segmon"]["verdict"]])
            for e in self.flows if "rule" in e))

    @staticmethod
    def line(event):
        port = event["destination"].get("port")
        service = f"{event['network']['transport']}/{port}"
        return (event.get("rule", {}).get("id"), event["source"]["ip"],
                event["destination"].get("ip"), service)

    def test_violations_are_those_told_with_the_outcome_their_flows_ended_with(self):
        ended = collections.defaultdict(list)
        detectors = {e["rule"]["id"] for e in self.violations
                     if e["rule"]["category"] == "detector"}
        for event in self.flows:
            rule, *ends = self.line(event)
            if event["segmon"]["verdict"] == "violation":
                ended[rule, *ends].append(event["segmon"]["outcome"])
            for detector in detectors:  # They look at permitted flows, too.
                ended[detector, *ends].append(event["segmon"]["outcome"])
        told = {self.line(e) for e in self.violations
                if e["segmon"]["violation"]["kind"] in ("new", "escalate")
                and "collapsed_over" not in e["segmon"]["violation"]}
        wanted = {(*line, max(ended[line], key=self.RANKS.get).replace("data", "established"))
                  for line in told}
        written = {tuple(line.split("\t")[:5]) for line in self.expected
                   if not line.startswith("#") and "many" not in line}
        self.assertGreater(len(written), 50)
        self.assertEqual(written, wanted)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
