#!/usr/bin/env python3
"""test_overload.py SEGMON SEND_FRAMES: segmon run with more than it can take, and with
outputs that take nothing.  Capture never waits for them, and whatever is lost is
counted on one step of the ladder in segmon-events(5).

Needs root and says so: status 77."""
import signal
import sys
import tempfile
import time
import unittest

import live
from live import WAIT, Live, conversations, p
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

import ladder
import redis_server

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: tcp/80, action: %s}
"""


def many_conversations(n, server):
    """Sent in one go, they are more than one worker takes."""
    frames = []
    for i in range(n):
        frames += p.tcp_session(f"10.1.{i // 250}.{i % 250 + 1}", f"10.2.{server}.1", 80,
                                sport=20000 + i % 30000, request=b"GET / HTTP/1.0\r\n\r\n",
                                response=b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 600)
    return frames


class Overload(Live):
    def begin(self, *options, policy="allow"):
        self.policy.write_text(POLICY % policy)
        self.start("-p", self.policy, *options)

    def check(self, sent, events):
        """All that was sent came, and adds up all the way; the last status."""
        status = events[-1]["segmon"]["status"]
        self.assertEqual(status["cause"], "end")
        self.assertEqual(ladder.wrong(status), [])
        self.assertEqual(ladder.came(status), sent)
        self.assertEqual(status["interfaces"][0]["discarded"], self.discarded())
        return status

    def test_of_frames_is_counted_where_they_were_lost(self):
        path = self.capture(many_conversations(2000, 0))
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.begin("-w", str(workers), "--buffer", "1M", policy="deny")
                self.run_.send_signal(signal.SIGSTOP)  # As busy as can be.
                sent = self.send(path, 2)
                self.run_.send_signal(signal.SIGCONT)
                sent += self.send(path, 5)
                self.settle()
                status = self.check(sent, self.stop())
                self.assertGreater(status["capture"]["kernel_drops"], 1000)
                self.assertGreater(status["capture"]["frames"], 1000)
                self.assertGreater(status["violations"]["told"], 0)

    def test_of_attempts_is_told_together_where_there_is_room(self):
        """RSTs answer, so that they end while the test goes on."""
        frames = []
        for i in range(3000):
            client = f"172.16.{i // 250}.{i % 250 + 1}"
            frames += [p.tcp(client, 1024 + i, "10.2.0.1", 80, p.SYN),
                       p.tcp("10.2.0.1", 80, client, 1024 + i, p.RST | p.ACK)]
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.begin("-w", str(workers), "--set", "flows.attempts=500")
                sent = self.send(self.capture(frames))
                self.settle()
                events = self.stop()
                status = self.check(sent, events)
                flows = [event for event in events if event["event"]["dataset"] == "segmon.flow"]
                together = [event["segmon"]["collapsed"] for event in flows
                            if event["segmon"]["record"] == "collapsed"]
                self.assertEqual(status["flows"]["emergency"]["entered"], 0)
                self.assertLessEqual(len(flows) - len(together), 500)
                self.assertEqual(len(together), workers)
                self.assertEqual(len(flows) - len(together) +
                                 sum(record["flows"] for record in together), 3000)
                self.assertEqual(sum(record["refused"] for record in together),
                                 sum(record["flows"] for record in together))

    def test_of_flows_leaves_conversations(self):
        syns = [p.tcp(f"172.16.{i // 250}.{i % 250 + 1}", 1024 + i, "10.2.0.1", 80, p.SYN)
                for i in range(20000)]
        self.begin("-w", "1", "--buffer", "64M", "--max-flows", "2000")
        sent = self.send(self.capture(conversations(100), "some.pcap"))
        sent += self.send(self.capture(syns))
        self.wait_for("are nearly full")
        self.settle()
        events = self.stop()
        status = self.check(sent, events)
        told = [e["segmon"]["status"]["emergency"]["state"] for e in events
                if "emergency" in e["segmon"].get("status", {})]
        self.assertEqual(told, ["entered"])
        self.assertEqual(status["flows"]["emergency"]["entered"], 1)
        self.assertGreater(status["flows"]["collapsed"], 15000)
        flows = [e for e in events if e["segmon"].get("record") == "end"]
        self.assertEqual(sum(e["segmon"]["outcome"] == "data" for e in flows), 100)
        self.assertLess(len(flows), 200)

    def test_of_a_server_that_hangs_does_not_hold_up_capture(self):
        """The spool fills up: frames are read all the same, what is dropped is counted."""
        if not redis_server.SERVER:
            self.skipTest("no redis-server")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        server = redis_server.Server(folder.name)
        self.addCleanup(server.kill)
        self.begin("-w", "1", "--buffer", "256M", "--no-dpi", "-r", server.uri,
                   "--set", "flows.timeouts.tcp_closing=1")
        server.signal(signal.SIGSTOP)
        self.addCleanup(server.signal, signal.SIGCONT)
        sent = sum(self.send(self.capture(many_conversations(5000, part)), 1, 30000)
                   for part in range(6))
        self.settle()
        began = time.monotonic()
        status = self.check(sent, self.stop(status=1))  # Events were lost.
        self.assertLess(time.monotonic() - began, WAIT)
        self.assertEqual(status["capture"]["kernel_drops"], 0)
        self.assertEqual(status["capture"]["frames"] + status["interfaces"][0]["discarded"],
                         sent)
        flows = {o["name"][:5]: o["events"]["flow"] for o in status["outputs"]}["redis"]
        self.assertEqual(flows["refused"], 0)
        self.assertGreater(flows["dropped"], 1000)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_overload.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
