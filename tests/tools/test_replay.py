#!/usr/bin/env python3
"""segmon replay as a user meets it: test_replay.py SEGMON [unittest options].

Every test runs the real program on capture files it builds itself."""
import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402
import processes  # noqa: E402

SEGMON = None

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: tcp/80, action: allow}
"""

HTTP = (b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")
ALLOWED = p.tcp_session("10.1.0.1", "10.2.0.1", 80, 40000, *HTTP)
FORBIDDEN = p.tcp_session("10.1.0.1", "10.2.0.1", 8080, 40001, *HTTP)


class Replay(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.policy = self.file("policy.yaml", POLICY.encode())

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content)
        return str(path)

    def run_segmon(self, *arguments, **options):
        return subprocess.run([SEGMON, *arguments], capture_output=True, timeout=60,
                              **{"stdin": subprocess.DEVNULL, **options})

    @classmethod
    def setUpClass(cls):
        schema = subprocess.run([SEGMON, "schema"], capture_output=True, check=True).stdout
        cls.validator = jsonschema.Draft202012Validator(json.loads(schema))

    def events(self, *arguments, status=0, **options):
        """Replays to standard output and returns the events, each checked
        against the schema the program prints."""
        run = self.run_segmon("replay", "-q", "-o", "-", *arguments, **options)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        events = [json.loads(line) for line in run.stdout.splitlines()]
        for event in events:
            self.validator.validate(event)
        return events

    def flows(self, *arguments, **options):
        return [e for e in self.events(*arguments, **options)
                if e["event"]["dataset"] == "segmon.flow"]

    def test_a_flow_is_judged_and_told_once(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        flows = self.flows("-p", self.policy, capture)
        self.assertEqual(len(flows), 1)
        flow = flows[0]
        self.assertEqual(flow["segmon"]["verdict"], "allowed")
        self.assertEqual(flow["rule"]["id"], "web")
        self.assertEqual(flow["segmon"]["conn_state"], "SF")
        self.assertEqual(flow["segmon"]["app"]["name"], "HTTP")
        self.assertEqual(flow["source"]["ip"], "10.1.0.1")
        self.assertEqual(flow["source"]["packets"] + flow["destination"]["packets"],
                         len(ALLOWED))

    def test_the_shipped_sample_and_policy_give_valid_events_of_every_kind(self):
        sample, policy = (str(ROOT / name) for name in (
            "tests/lab/sample/segments.pcap", "rules/examples/enterprise-pci-ot.yaml"))
        kinds = {e["event"]["dataset"] for e in self.events("-p", policy, sample)}
        self.assertEqual(kinds, {"segmon.flow", "segmon.violation", "segmon.status"})

    def test_a_violation_comes_before_the_end_of_its_flow(self):
        capture = self.file("a.pcap", p.pcap(FORBIDDEN))
        kinds = [e["event"]["dataset"] for e in self.events("-p", self.policy, capture)]
        self.assertLess(kinds.index("segmon.violation"), kinds.index("segmon.flow"))

    def test_what_an_icmp_error_quotes_is_judged_and_told(self):
        """Only a router's errors are seen, about three connections it refused:
        each is judged, and the violations are about their ends."""
        policy = self.file("critical.yaml", POLICY.replace(
            "[10.2.0.0/16]", "[10.2.0.0/16], criticality: critical").encode())
        packets = []
        for port in (80, 22, 23):
            syn = p.tcp("10.1.0.5", 50000, "10.2.0.10", port, p.SYN)
            packets.append(p.icmp("10.9.9.9", "10.1.0.5", 3, 13, b"\0\0\0\0" + syn[14:42]))
        events = self.events("-p", policy, self.file("a.pcap", p.pcap(packets)))
        told = [e for e in events if e["event"]["dataset"] == "segmon.violation"]
        self.assertEqual([e["destination"] for e in told],
                         [{"ip": "10.2.0.10", "port": 22}, {"ip": "10.2.0.10", "port": 23}])
        for event in told:
            self.assertEqual(event["source"], {"ip": "10.1.0.5"})
            self.assertEqual((event["observer"]["ingress"]["zone"],
                              event["observer"]["egress"]["zone"]), ("users", "servers"))
            self.assertEqual(event["segmon"]["outcome"], "refused")
            self.assertEqual(event["segmon"]["violation"]["score_terms"],
                             {"base": 50, "outcome": -20, "criticality": 10, "external": 0,
                              "unknown": 0, "ambiguous": 0})
        flows = [e for e in events if e["event"]["dataset"] == "segmon.flow"]
        self.assertEqual(sorted(e["rule"]["id"] for e in flows),
                         ["default:inter", "default:inter", "web"])
        for event in flows:  # The errors themselves.
            self.assertEqual((event["source"]["ip"], event["destination"]["ip"]),
                             ("10.9.9.9", "10.1.0.5"))

    def test_a_violation_stays_open_while_its_flow_lasts(self):
        """A session of two days is one violation, told every 'realert' of an
        hour and closed a day after its last packets."""
        c, s = ("10.1.0.1", 40000, "10.2.0.1", 22), ("10.2.0.1", 22, "10.1.0.1", 40000)
        packets = [(1e9, p.tcp(*c, p.SYN)), (1e9 + .1, p.tcp(*s, p.SYN | p.ACK, 0, 1)),
                   (1e9 + .2, p.tcp(*c, p.ACK, 1, 1))]
        for minute in range(1, 48 * 60 + 1):
            packets.append((1e9 + 60 * minute, p.tcp(*c, p.PSH | p.ACK, minute, 1, b"x")))
            packets.append((1e9 + 60 * minute + .1, p.tcp(*s, p.ACK, 1, minute + 1)))
        packets += [(1e9 + 4 * 86400, p.tcp("10.1.0.1", 40000, "10.2.0.1", 80, p.SYN))]
        capture = self.file("long.pcap", p.pcap(packets))
        for workers in ("1", "2"):
            *told, status = self.events("-p", self.policy, "-e", "violation,status",
                                        "-w", workers, capture)
            self.assertEqual(status["segmon"]["status"]["violations"]["hits"], 1)
            kinds = [e["segmon"]["violation"]["kind"] for e in told]
            self.assertEqual(kinds[:2], ["new", "escalate"])
            self.assertEqual(set(kinds[2:-1]), {"update"})
            self.assertIn(len(kinds[2:-1]), range(40, 49))
            self.assertEqual(kinds[-1], "closed")
            self.assertEqual({e["segmon"]["violation"]["count"] for e in told}, {1})
            self.assertEqual(len({e["segmon"]["violation"]["id"] for e in told}), 1)
            self.assertGreater(told[-1]["@timestamp"], "2001-09-12T01:40")

    def test_what_is_suppressed_is_a_violation_all_the_same(self):
        policy = self.file("suppressing.yaml", (POLICY + """alerting:
  suppress:
    - {id: known, src: 10.1.0.1, until: 2099-12-31, owner: it, reason: a scanner}
""").encode())
        capture = self.file("c.pcap", p.pcap(FORBIDDEN))
        events = self.events("-p", policy, "--fail-on-violation", capture, status=3)
        self.assertEqual([e["event"]["dataset"] for e in events],
                         ["segmon.flow", "segmon.status"])
        self.assertEqual(events[0]["segmon"]["suppressed_by"], "known")
        counts = events[1]["segmon"]["status"]["violations"]
        self.assertEqual((counts["hits"], counts["suppressed"], counts["told"]), (1, 1, 0))

    def test_fail_on_violation_is_status_3_and_only_then(self):
        good = self.file("good.pcap", p.pcap(ALLOWED))
        bad = self.file("bad.pcap", p.pcap(FORBIDDEN))
        for capture, status in ((good, 0), (bad, 3)):
            run = self.run_segmon("replay", "-q", "-p", self.policy,
                                  "--fail-on-violation", capture)
            self.assertEqual(run.returncode, status, capture)

    def test_the_summary_tells_suppressed_and_staged_violations_apart(self):
        policy = self.file("told.yaml", POLICY.replace("rules:\n", """\
alerting:
  suppress: [{id: known, src: 10.1.0.1, until: 2099-01-01, owner: ops, reason: test}]
rules:
  - {id: no-web, from: users, to: servers, service: tcp/80, action: deny, mode: staged}
""").encode())
        capture = self.file("a.pcap", p.pcap(ALLOWED + FORBIDDEN))
        run = self.run_segmon("replay", "-p", policy, capture)
        summary = run.stdout.decode()
        self.assertIn("1 of the violations are suppressed by the policy", summary)
        self.assertIn("1 more would be violations by staged rules", summary)

    def test_standard_input_gives_what_the_file_gives(self):
        content = p.pcap(ALLOWED)
        from_file = self.flows(self.file("a.pcap", content))
        run = self.run_segmon("replay", "-q", "-o", "-", "-e", "flow", "-",
                              stdin=None, input=content)
        from_input = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([f["network"]["community_id"] for f in from_input],
                         [f["network"]["community_id"] for f in from_file])

    def test_compressed_captures_are_read(self):
        capture = self.file("a.pcap.gz", gzip.compress(p.pcap(ALLOWED)))
        self.assertEqual(len(self.flows(capture)), 1)

    def test_a_folder_is_read_in_order_of_time(self):
        folder = self.path / "captures"
        folder.mkdir()
        half = len(ALLOWED) // 2
        (folder / "b-first.pcap").write_bytes(p.pcap(ALLOWED[:half], start=1000.0))
        (folder / "a-second.pcap").write_bytes(p.pcap(ALLOWED[half:], start=1001.0))
        (folder / "notes.txt").write_text("no capture")
        flows = self.flows(str(folder))
        self.assertEqual(len(flows), 1)
        self.assertEqual(flows[0]["segmon"]["conn_state"], "SF")

    def test_what_precedes_the_damage_is_processed_and_the_place_is_told(self):
        content = p.pcap(ALLOWED)
        capture = self.file("cut.pcap", content[:-10])
        run = self.run_segmon("replay", "-q", "-o", "-", "-e", "flow", capture)
        self.assertEqual(run.returncode, 1)
        flow = json.loads(run.stdout)
        self.assertEqual(flow["source"]["packets"] + flow["destination"]["packets"],
                         len(ALLOWED) - 1)
        talk = run.stderr.decode()
        last = len(content) - 16 - len(ALLOWED[-1])
        self.assertIn("cut.pcap", talk)
        self.assertIn(f"{len(ALLOWED)}", talk)
        self.assertIn(f"{last}", talk)

    def test_damage_stops_the_run_unless_told_to_keep_going(self):
        bad = self.file("1.pcap", p.pcap(ALLOWED)[:-10])
        good = self.file("2.pcap", p.pcap(FORBIDDEN, start=1_700_000_100.0))
        self.assertEqual(len(self.flows(bad, good, status=1)), 1)
        self.assertEqual(len(self.flows("-k", bad, good, status=1)), 2)

    def test_a_file_that_is_no_capture_is_an_error_that_names_it(self):
        path = self.file("letter.txt", b"Dear reader,\n" * 10)
        run = self.run_segmon("replay", "-q", path)
        self.assertEqual(run.returncode, 1)
        self.assertIn("letter.txt", run.stderr.decode())

    def test_inspection_memory_is_bounded_and_what_it_cost_is_told(self):
        """Many handshakes that never end, and a conversation among them."""
        hello = b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xf0\x03\x03" + bytes(1300)
        packets, n = [], 1500
        for i in range(n):
            c = (f"10.1.{i >> 8}.{i & 255}", 40000, "10.2.0.1", 80)
            s = ("10.2.0.1", 80, c[0], 40000)
            packets += [p.tcp(*c, p.SYN), p.tcp(*s, p.SYN | p.ACK, 0, 1),
                        p.tcp(*c, p.PSH | p.ACK, 1, 1, hello)]
        packets += p.tcp_session("10.1.9.9", "10.2.0.1", 80, 40000, *HTTP)
        capture = self.file("many.pcap", p.pcap(packets))
        for workers in (1, 2):
            *flows, status = self.events("-p", self.policy, "-e", "flow,status", "-w",
                                         str(workers), "--dpi-memory", "2M", capture)
            found = status["segmon"]["status"]["application"]
            self.assertEqual((len(flows), found["inspections"]), (n + 1, n + 1))
            self.assertGreater(found["given_up"], n // 2)
            self.assertLessEqual(found["most_bytes"], 2 << 20)
            self.assertGreater(found["most_bytes"], 1 << 19)
            self.assertEqual((found["active"], found["bytes"], found["refused"]), (0, 0, 0))
            self.assertEqual([f["source"]["ip"] for f in flows
                              if f["segmon"].get("app", {}).get("name") == "HTTP"],
                             ["10.1.9.9"])
        run = self.run_segmon("replay", "-p", self.policy, "--dpi-memory", "1M", capture)
        self.assertIn(b"flows inspected no further: --dpi-memory was used up", run.stdout)

    def test_inspections_that_end_at_their_limit_are_told(self):
        client, server = ("10.1.0.1", 40000, "10.2.0.1", 9999), ("10.2.0.1", 9999, "10.1.0.1", 40000)
        packets = [p.tcp(*client, p.SYN), p.tcp(*server, p.SYN | p.ACK, 0, 1)]
        packets += [p.tcp(*client, p.PSH | p.ACK, 1 + 5 * i, 1, b"xyzzy") for i in range(40)]
        packets += p.tcp_session("10.1.9.9", "10.2.0.1", 80, 40000, *HTTP)
        *_, status = self.events("-p", self.policy, "-e", "status",
                                 self.file("unknown.pcap", p.pcap(packets)))
        found = status["segmon"]["status"]["application"]
        self.assertEqual((found["inspections"], found["limited"]), (2, 1))

    def test_texts_count_against_memory_and_are_left_out_for_lack_of_it(self):
        packets, n = [], 3000
        for i in range(n):
            request = (HTTP[0].replace(b"Host: ", b"Host: %0200d." % i)
                       .replace(b"GET /", b"GET /%01000d" % i))
            packets += p.tcp_session(f"10.1.{i >> 8}.{i & 255}", "10.2.0.1", 80, 40000,
                                     request, *HTTP[1:])
        capture = self.file("names.pcap", p.pcap(packets))
        *events, status = self.events("-p", self.policy, "-e", "flow,status",
                                      "--flow-memory", "1M", capture)
        flows = [e for e in events if e["event"]["dataset"] == "segmon.flow"]
        self.assertEqual(len(flows), n)
        self.assertEqual({f["segmon"]["app"]["name"] for f in flows}, {"HTTP"})
        lost = sum("url" not in f for f in flows)
        self.assertEqual(status["segmon"]["status"]["application"]["details_lost"], lost)
        self.assertGreater(lost, 0)
        self.assertLess(lost, n)

    def test_who_gives_up_is_judged_at_once(self):
        """By what is known, here nothing: not when the flow ends."""
        policy = self.file("app.yaml", POLICY.replace("tcp/80,", "tcp/80, app: SSH,").encode())
        packets = [(1e9 + i / 1000, p.tcp(f"10.1.{i >> 8}.{i & 255}", 40000, "10.2.0.1", 80,
                                          p.PSH | p.ACK, 1, 1, b"x" * 1300))
                   for i in range(1500)]
        capture = self.file("many.pcap", p.pcap(packets))
        events = self.events("-p", policy, "-e", "flow,violation", "--dpi-memory", "1M", capture)
        told = [e["@timestamp"] for e in events if e["event"]["dataset"] == "segmon.violation"]
        ends = [e["event"]["end"] for e in events if e["event"]["dataset"] == "segmon.flow"]
        self.assertEqual(len(ends), len(packets))
        self.assertLess(min(told), max(ends))

    def test_who_gives_up_is_found_where_the_table_has_moved_it(self):
        """Flows that came before and have ended make room; the others close up."""
        policy = self.file("app.yaml", (POLICY.replace("tcp/80,", "tcp/80, app: SSH,")
                                        + "alerting: {collapse: 5000}\n").encode())

        def talk(when, number):
            return (when, p.tcp(f"10.1.{number >> 8}.{number & 255}", 40000, "10.2.0.1", 80,
                                p.PSH | p.ACK, 1, 1, b"x" * 1300))

        brief = [(1e9, p.udp(f"10.1.{i >> 8}.{i & 255}", 40000, "10.2.0.1", 9, b""))
                 for i in range(2000)]
        quiet = [talk(1e9 + 1, i) for i in range(200)]
        late = [talk(1e9 + 100 + i / 1000, 200 + i) for i in range(1500)]
        capture = self.file("moved.pcap", p.pcap(brief + quiet + late))
        events = self.events("-p", policy, "-e", "violation", "--dpi-memory", "1M", capture)
        told = [e["source"]["ip"] for e in events if e["destination"]["port"] == 80]
        self.assertEqual(told[:200], [f"10.1.{i >> 8}.{i & 255}" for i in range(200)])
        self.assertEqual(len(set(told)), len(quiet) + len(late))

    def test_redacted_events_have_no_names_of_hosts(self):
        """Those that the same capture's events have otherwise; verdicts stay the same."""
        capture = str(ROOT / "tests/lab/sample/segments.pcap")
        policy = str(ROOT / "rules/examples/enterprise-pci-ot.yaml")
        common = ("-p", policy, "-e", "flow,violation", capture)
        whole = self.events(*common)
        less = self.events("--set", "privacy.redact=hostnames", *common)
        names = set()
        for event in whole:
            client = event.get("tls", {}).get("client", {})
            server = event.get("tls", {}).get("server", {})
            names |= {event["destination"].get("domain"), client.get("server_name"),
                      event.get("dns", {}).get("question", {}).get("name"),
                      event.get("url", {}).get("original"),
                      event.get("user_agent", {}).get("original"),
                      *server.get("subject", "").split("CN="), server.get("issuer"),
                      event["segmon"].get("app", {}).get("host")}
        names = {name for name in names - {None, "", "O=segmon lab, "}
                 if not re.fullmatch(r"[\d.:]+", name)}
        self.assertGreater(len(names), 10)
        self.assertIn("www.website.example", names)
        text = json.dumps(less)
        self.assertEqual([name for name in names if name in text], [])
        for key in ("dns", "url", "user_agent"):
            self.assertFalse(any(key in event for event in less))
        self.assertEqual([event["rule"]["id"] for event in less],
                         [event["rule"]["id"] for event in whole])

    def test_usage_mistakes_are_status_2(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        for arguments in ((), ("--no-such-option", capture), ("--workers", "0", capture),
                          ("--workers", "x", capture), ("--events", "flow,nothing", capture),
                          ("--max-flows", "-1", capture), ("--memory", "12Q", capture),
                          ("--dpi-memory", "12Q", capture), ("--dpi-memory", "1000K", capture),
                          ("--sensor", "a b", capture), ("--set", "sensor", capture),
                          ("--set", "no.such=1", capture), ("--set", "heartbeat=5", capture),
                          ("-o", "redis://h", capture), ("--memory", "100M", capture),
                          (*["--set", "capture.workers=1"] * 101, capture)):
            self.assertEqual(self.run_segmon("replay", *arguments).returncode, 2, arguments)
        self.assertEqual(self.run_segmon("no-such-command").returncode, 2)
        self.assertEqual(self.run_segmon().returncode, 2)

    def test_a_wrong_policy_is_status_2_and_nothing_is_written(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        policy = self.file("bad.yaml", POLICY.replace("servers,", "serverz,").encode())
        output = self.path / "events.ndjson"
        run = self.run_segmon("replay", "-p", policy, "-o", str(output), capture)
        self.assertEqual(run.returncode, 2)
        self.assertRegex(run.stderr.decode(), r"bad\.yaml:\d+:\d+: .*serverz")
        self.assertFalse(output.exists())

    def test_a_wrong_filter_is_an_error(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        run = self.run_segmon("replay", "-f", "tcp and and", capture)
        self.assertEqual(run.returncode, 1)

    def test_the_filter_leaves_frames_out_and_counts_them(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED + FORBIDDEN))
        events = self.events("-f", "port 80", capture)
        status = events[-1]["segmon"]["status"]["capture"]
        self.assertEqual(status["filtered"], len(FORBIDDEN))
        self.assertEqual(status["frames"], len(ALLOWED) + len(FORBIDDEN))

    def test_an_input_is_never_overwritten(self):
        content = p.pcap(ALLOWED)
        capture = self.file("a.pcap", content)
        run = self.run_segmon("replay", "-o", capture, capture)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(pathlib.Path(capture).read_bytes(), content)

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        run = self.run_segmon("replay", "-q", "-o", "/dev/full", capture)
        self.assertEqual(run.returncode, 1)
        self.assertIn("No space left", run.stderr.decode())

    def test_no_dpi_gives_allow_rules_with_an_application_the_benefit(self):
        policy = self.file("app.yaml", POLICY.replace(
            "service: tcp/80,", "service: tcp/80, app: SSH,").encode())
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        self.assertEqual(self.flows("-p", policy, capture)[0]["segmon"]["verdict"], "violation")
        self.assertEqual(
            self.flows("-p", policy, "--no-dpi", capture)[0]["segmon"]["verdict"], "allowed")

    def test_a_full_table_ends_the_attempt_idle_longest_and_tells_most_together(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(100)]
        events = self.events("-p", self.policy, "--max-flows", "10",
                             self.file("a.pcap", p.pcap(syns)))
        evicted = [e for e in events if e["event"].get("reason") == "evicted"]
        self.assertEqual([e["source"]["port"] for e in evicted], [1024, 1025, 1026, 1027])
        together = [e for e in events if e["segmon"].get("record") == "collapsed"]
        self.assertEqual(len(together), 1)
        self.assertEqual(together[0]["segmon"]["collapsed"], {
            "flows": 96, "refused": 0, "sources": 1, "destinations": 1, "ports": 1,
            "samples": [{"src": "10.1.0.1", "dst": "10.2.0.1"}] * 4})
        self.assertEqual((together[0]["rule"]["id"], together[0]["segmon"]["verdict"]),
                         ("web", "allowed"))
        flows = events[-1]["segmon"]["status"]["flows"]
        self.assertEqual((flows["evicted"], flows["collapsed"]), (90, 96))

    def test_an_emergency_is_told_when_it_begins_and_when_it_is_over(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(100)]
        late = [(1e9 + minute * 60, p.tcp("10.1.0.9", 40000, "10.2.0.1", 80, p.ACK))
                for minute in range(2, 6)]
        packets = [(1e9 + i / 1000, syn) for i, syn in enumerate(syns)] + late
        events = self.events("--max-flows", "20", "-e", "status",
                             self.file("a.pcap", p.pcap(packets)))
        changes = [e["segmon"]["status"]["emergency"] for e in events
                   if e["segmon"]["status"]["cause"] == "change"]
        self.assertEqual([(c["state"], c["why"], c["worker"], c["active"], c["capacity"])
                          for c in changes], [("entered", "flows", 0, 18, 20),
                                              ("left", "flows", 0, 0, 20)])
        emergency = events[-1]["segmon"]["status"]["flows"]["emergency"]
        self.assertEqual((emergency["active"], emergency["entered"]), (0, 1))
        self.assertGreaterEqual(emergency["duration"], 60 * 10**9)

    def test_protocols_without_ports_are_named_by_their_first_packet(self):
        quoted = p.ipv4("10.1.0.1", "10.2.0.1", 17, b"\x9c\x40\0\x35\0\x08\0\0")
        echo = p.ipv4("10.1.0.1", "10.2.0.1", 1, b"\x08\0\xf7\xff\0\0\0\0")
        error = p.ipv4("10.2.0.1", "10.1.0.1", 1, b"\x03\x01\0\0\0\0\0\0" + quoted)
        for packet in (echo, error):
            capture = self.file("a.pcap", p.pcap([p.ethernet(packet)]))
            app = self.flows(capture)[0]["segmon"]["app"]
            self.assertEqual((app["state"], app["name"]), ("known", "ICMP"))

    def test_the_same_run_gives_the_same_bytes(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED + FORBIDDEN))
        arguments = ("replay", "-q", "-p", self.policy, "-o", "-", capture)
        self.assertEqual(self.run_segmon(*arguments).stdout, self.run_segmon(*arguments).stdout)

    def test_two_workers_make_the_same_records(self):
        sessions = [p.tcp_session(f"10.1.0.{i}", f"10.2.0.{i % 7}", 80 + i % 3, 40000 + i, *HTTP)
                    for i in range(1, 100)]
        mixed = [packet for step in zip(*sessions) for packet in step]
        capture = self.file("a.pcap", p.pcap(mixed))

        def records(workers):
            events = self.events("-p", self.policy, "-w", workers, "-e", "flow,violation", capture)
            for event in events:
                del event["event"]["id"], event["event"]["sequence"]
            return sorted(json.dumps(e, sort_keys=True) for e in events)

        self.assertEqual(records("1"), records("2"))

    def large(self, i):
        """A capture of many windows, which workers read in turns."""
        packets = [p.udp(f"10.1.{i}.{n % 12}", 5000, f"10.2.0.{n % 4}", 5000, bytes(1400))
                   for n in range(2000)]
        return p.pcap(packets, start=1_700_000_000 + i * 100)

    def test_any_worker_reads_on_in_any_file(self):
        files = [self.file(f"{i}.pcap", self.large(i)) for i in range(3)]

        def records(workers):
            events = self.events("-p", self.policy, "-w", workers, "-e", "flow,violation",
                                 files[0], "-", *files[1:], input=self.large(3), stdin=None)
            for event in events:
                del event["event"]["id"], event["event"]["sequence"]
            return sorted(json.dumps(e, sort_keys=True) for e in events)

        one = records("1")
        for workers in ("2", "5"):
            self.assertEqual(one, records(workers))

    def test_a_signal_ends_the_run_in_order(self):
        run = subprocess.Popen([SEGMON, "replay", "-q", "-o", "-", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdin.write(p.pcap(ALLOWED))
        run.stdin.flush()
        processes.wait_until_it_catches(run.pid, signal.SIGTERM)
        processes.wait_until_read(run.stdin)
        run.send_signal(signal.SIGTERM)
        output = run.stdout.read().decode()
        run.stdin.close()
        run.stdout.close()
        run.stderr.close()
        self.assertEqual(run.wait(timeout=20), 128 + signal.SIGTERM)
        self.assertEqual(json.loads(output.splitlines()[0])["event"]["reason"], "shutdown")

    def test_a_signal_ends_a_run_that_waits_for_its_input(self):
        content = p.pcap(ALLOWED)
        for start, workers in ((b"", "1"), (content[:10], "1"), (content[:40], "2")):
            run = subprocess.Popen([SEGMON, "replay", "-q", "-w", workers, "-"],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            run.stdin.write(start)
            run.stdin.flush()
            processes.wait_until_it_catches(run.pid, signal.SIGINT)
            processes.wait_until_read(run.stdin)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(timeout=30), 128 + signal.SIGINT, start)
            self.assertEqual(run.stderr.read(), b"")
            run.stdin.close()
            run.stderr.close()

    def test_a_signal_ends_a_run_that_waits_after_a_large_file(self):
        capture = self.file("a.pcap", self.large(0))
        run = subprocess.Popen([SEGMON, "replay", "-q", "-w", "3", capture, "-"],
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdin.write(p.pcap(ALLOWED))
        run.stdin.flush()
        processes.wait_until_read(run.stdin)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=30), 128 + signal.SIGINT)
        self.assertEqual(run.stderr.read(), b"")
        run.stdin.close()
        run.stderr.close()

    def test_a_signal_ends_a_run_whose_reader_takes_nothing(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        reader, writer = os.pipe()
        run = subprocess.Popen([SEGMON, "replay", "-q", "-o", "-", capture],
                               stdout=writer, stderr=subprocess.PIPE)
        processes.wait_until_in(reader, 10000)  # There will be more than it takes.
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(timeout=60), 128 + signal.SIGTERM)
        self.assertIn(b"timed out", run.stderr.read())
        run.stderr.close()
        os.close(reader)
        os.close(writer)

    def test_killed_in_the_middle_the_file_has_one_torn_line_at_most(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        output = self.path / "events"
        for delay in (0.02, 0.05, 0.1, 0.2):
            run = subprocess.Popen([SEGMON, "replay", "-q", "-o", str(output),
                                    "--max-flows", "100", capture])
            time.sleep(delay)
            run.kill()
            run.wait()
            lines = output.read_bytes().split(b"\n") if output.exists() else [b""]
            for line in lines[:-1]:
                json.loads(line)

    def test_a_folder_without_captures_is_an_error(self):
        folder = self.path / "empty"
        folder.mkdir()
        (folder / "notes.txt").write_text("no capture")
        run = self.run_segmon("replay", str(folder))
        self.assertEqual(run.returncode, 1)
        self.assertIn("no capture", run.stderr.decode())
        self.assertIn("1 other file", run.stderr.decode())

    def test_neither_the_policy_nor_redirected_input_is_overwritten(self):
        content = p.pcap(ALLOWED)
        capture = self.file("a.pcap", content)
        link = str(self.path / "link")
        os.link(capture, link)
        for arguments in (("-o", self.policy, "-p", self.policy, capture),
                          ("-o", link, capture), ("-o", capture, "-")):
            with open(capture, "rb") as stdin:
                run = self.run_segmon("replay", "-q", *arguments, stdin=stdin)
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn("not overwritten", run.stderr.decode())
        with open(capture, "rb") as stdin, open(capture, "ab") as stdout:
            run = subprocess.run([SEGMON, "replay", "-q", "-o", "-", "-"], stdin=stdin,
                                 stdout=stdout, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(pathlib.Path(capture).read_bytes(), content)
        self.assertEqual(pathlib.Path(self.policy).read_text(), POLICY)

    def test_a_closed_standard_output_is_an_error_and_harms_no_file(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        output = self.path / "events"
        for arguments in ("-o %s %s" % (output, capture), "-q -o - " + capture):
            run = subprocess.run(["sh", "-c", f"exec {SEGMON} replay {arguments} >&-"],
                                 stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn(b"Bad file descriptor", run.stderr)
        for line in output.read_text().splitlines():
            json.loads(line)

    def test_a_reader_that_goes_away_is_told(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        run = subprocess.Popen([SEGMON, "replay", "-q", "-o", "-", capture],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        json.loads(run.stdout.readline())
        run.stdout.close()
        self.assertEqual(run.wait(timeout=60), 1)
        self.assertIn(b"Broken pipe", run.stderr.read())
        run.stderr.close()

    def test_names_cannot_disturb_a_terminal_nor_lose_the_status(self):
        folder = self.path / "captures"
        folder.mkdir()
        cut = p.pcap(ALLOWED)[:-10]
        for i in range(80):
            (folder / ("\x1b[31m\x07" + 200 * "\x01" + str(i))).write_bytes(cut)
        output = self.path / "events"
        run = self.run_segmon("replay", "-k", "-o", str(output), str(folder))
        self.assertEqual(run.returncode, 1)
        for text in (run.stdout, run.stderr):
            self.assertFalse(set(text) & (set(range(32)) - {10}))
            self.assertLess(text.count(b"ends inside"), 30)
        status = json.loads(output.read_text().splitlines()[-1])["segmon"]["status"]
        self.assertEqual(status["n_files"], 80)
        self.assertGreater(len(status["files"]), 3)

    def test_the_matrix_keeps_its_columns_apart(self):
        syns = [p.tcp(f"10.{1 + i % 2}.0.1", 1024 + i, f"10.{2 - i % 2}.0.1", 80, p.SYN)
                for i in range(60000)]
        capture = self.file("a.pcap", p.pcap(syns))
        policy = self.file("deny.yaml", POLICY.replace("tcp/80", "tcp/81").encode())
        text = self.run_segmon("replay", "-p", policy, capture).stdout.decode()
        self.assertRegex(text, r" 30000 x30000\b")

    def test_the_summary_names_rule_segments_and_damage(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED + FORBIDDEN)[:-10])
        run = self.run_segmon("replay", "-p", self.policy, capture)
        text = run.stdout.decode()
        for word in ("users", "servers", "default:inter", "violation", "HTTP", "a.pcap"):
            self.assertIn(word, text)
        self.assertNotIn("\033", text)

    def test_the_version_names_every_library(self):
        text = self.run_segmon("--version").stdout.decode()
        for name in ("segmon", "libpcap", "nDPI", "hiredis", "libyaml", "zlib", "zstd"):
            self.assertRegex(text, rf"(?m)^{name} .*\d+\.\d+")

    def test_check_tells_place_mistake_and_line(self):
        policy = self.file("bad.yaml", POLICY.replace("users,", "userz,").encode())
        run = self.run_segmon("check", "-p", policy)
        self.assertEqual(run.returncode, 2)
        first, line, caret = run.stderr.decode().splitlines()
        self.assertRegex(first, r"bad\.yaml:7:21: E-REF: .*userz.*did you mean 'users'")
        self.assertIn("from: userz", line)
        self.assertEqual(caret.index("^"), line.index("userz"))

    def test_check_runs_tests_and_warns_of_what_has_expired(self):
        text = POLICY.replace("action: allow", "action: allow, expires: 2020-01-01")
        policy = self.file("old.yaml", text.encode())
        run = self.run_segmon("check", "-p", policy)
        self.assertEqual(run.returncode, 0)
        self.assertIn("expired", run.stderr.decode())
        self.assertIn("0 tests passed", run.stdout.decode())

    def test_help_and_version_go_to_standard_output(self):
        for arguments in (("--help",), ("replay", "--help"), ("check", "--help"),
                          ("schema", "--help"), ("--version",)):
            run = self.run_segmon(*arguments)
            self.assertEqual(run.returncode, 0, arguments)
            self.assertTrue(run.stdout, arguments)
            self.assertFalse(run.stderr, arguments)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
