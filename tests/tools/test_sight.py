#!/usr/bin/env python3
"""What segmon run says it saw (see live.py): test_sight.py SEGMON SEND_FRAMES.

Needs root and says so: status 77."""
import collections
import signal
import sys
import time
import unittest

import live
from live import Live, conversations, p
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

SETTLED = 0.5  # What was sent by then has been read: two timeouts of the ring, and some.

POLICY = """\
version: 1
policy: {name: test, revision: "%s"}
segments:
%s
rules:
  - {id: web, from: any, to: servers, service: tcp/80, action: allow}
"""
SEGMENTS = {"users": "10.1.0.0/16", "servers": "10.2.0.0/16", "staff": "10.3.0.0/16"}


def policy(revision, names=("users", "servers", "staff")):
    return POLICY % (revision, "\n".join(f"  {n}: {{networks: [{SEGMENTS[n]}]}}" for n in names))


def statuses(events, cause):
    return [event["segmon"]["status"] for event in events
            if event["event"]["dataset"] == "segmon.status"
            and event["segmon"]["status"]["cause"] == cause]


def pairs_of(status):
    return {(pair["src"], pair["dst"]): pair for pair in status["pairs"]}


class Pairs(Live):
    def frames(self):
        frames = conversations(100) + conversations(40, dport=81)
        for i in range(30):
            frames.append(p.udp("10.3.0.1", 5000 + i, "10.2.0.1", 53, b"q"))
            frames.append(p.udp("10.2.0.1", 53, "10.3.0.1", 5000 + i, b"answer"))
            frames += p.tcp_session(f"192.0.2.{i + 1}", "10.1.0.1", 22)
        return frames

    def test_of_any_number_of_workers_are_those_of_a_replay(self):
        self.policy.write_text(policy(1))
        path = self.capture(self.frames())
        wanted = statuses(self.replay(path, options=("-p", self.policy)), "end")[0]
        self.assertEqual(len(wanted["pairs"]), 3)
        for workers in (1, 2, 3):
            with self.subTest(workers=workers):
                self.start("-w", str(workers), "-p", self.policy, "--heartbeat", "1")
                self.send(path, pace=20000)
                self.wait_for_events(lambda events: any(
                    sum(pair["flows"] for pair in status["pairs"]) == 200
                    for status in statuses(events, "interval")))
                events = self.stop()
                status = statuses(events, "end")[0]
                self.assertEqual(status["pairs"], wanted["pairs"])
                self.assertEqual(status["n_pairs"], 3)
                self.assertNotIn("other_pairs", status)
                pair = pairs_of(status)["users", "servers"]
                self.assertEqual(pair["flows"], 140)
                self.assertEqual(pair["verdicts"], {"allowed": 100, "violation": 40})
                self.assertEqual(pair["got_through"], 40)
                self.assertEqual(pair["two_sided"], 140)
                told = collections.Counter(
                    (e["observer"]["ingress"]["zone"], e["observer"]["egress"]["zone"])
                    for e in events if e["event"]["dataset"] == "segmon.violation")
                self.assertEqual({names: pair["violations"] for names, pair
                                  in pairs_of(status).items() if pair["violations"]}, told)

    def test_keep_their_names_under_another_policy(self):
        path = self.capture(self.frames())
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.policy.write_text(policy(1))
                self.start("-w", str(workers), "-p", self.policy)
                self.send(path, pace=20000)
                time.sleep(SETTLED)
                self.policy.write_text(policy(2, ("servers", "users")))
                self.run_.send_signal(signal.SIGHUP)
                self.wait_for("is in force")
                time.sleep(SETTLED)
                status = statuses(self.stop(), "end")[0]
                pairs = pairs_of(status)
                self.assertEqual(pairs["users", "servers"]["flows"], 140)
                self.assertEqual(pairs["internet", "users"]["flows"], 30)
                staff = [pair for names, pair in pairs.items() if "staff" in names]
                self.assertEqual(staff, [])
                self.assertEqual(sum(pair["flows"] for pair in pairs.values()), 200)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_sight.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
