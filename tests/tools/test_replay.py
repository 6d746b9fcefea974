#!/usr/bin/env python3
"""What segmon replay tells of captures: test_replay.py SEGMON [unittest options]."""
import gzip
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402
import replaying  # noqa: E402
from replaying import ALLOWED, FORBIDDEN, HTTP, POLICY  # noqa: E402


class Replay(replaying.Replaying):
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

    def test_the_filter_leaves_frames_out_and_counts_them(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED + FORBIDDEN))
        events = self.events("-f", "port 80", capture)
        status = events[-1]["segmon"]["status"]["capture"]
        self.assertEqual(status["filtered"], len(FORBIDDEN))
        self.assertEqual(status["frames"], len(ALLOWED) + len(FORBIDDEN))

    def test_no_dpi_gives_allow_rules_with_an_application_the_benefit(self):
        policy = self.file("app.yaml", POLICY.replace(
            "service: tcp/80,", "service: tcp/80, app: SSH,").encode())
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        self.assertEqual(self.flows("-p", policy, capture)[0]["segmon"]["verdict"], "violation")
        self.assertEqual(
            self.flows("-p", policy, "--no-dpi", capture)[0]["segmon"]["verdict"], "allowed")

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
    replaying.main()
