#!/usr/bin/env python3
"""What segmon replay does at its limits: test_replay_limits.py SEGMON [unittest
options]."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402
import replaying  # noqa: E402
from replaying import HTTP, POLICY  # noqa: E402


class Limits(replaying.Replaying):
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


if __name__ == "__main__":
    replaying.main()
