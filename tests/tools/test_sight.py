#!/usr/bin/env python3
"""What segmon run says it saw (see live.py): test_sight.py SEGMON SEND_FRAMES.

Needs root and says so: status 77."""
import collections
import datetime
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import live
from live import ROOT, Live, conversations, p
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

SCHEMA = ROOT / "tools/event/schema/segmon-event-1.0.json"
SANITIZED = os.environ.get("SEGMON_BUILD") in ("Asan", "Tsan")
BUSY = 10  # Seconds that a machine may have no time for us.

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
            and cause in (None, event["segmon"]["status"]["cause"])]


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def ip_r(*arguments):
    live.ip("-n", f"{live.NAME}-r", "link", *arguments)


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
                for pair in status["pairs"]:
                    pair.pop("visibility")  # A busy machine may keep the program waiting.
                    self.assertFalse({"gaps", "one_sided"} & set(pair.pop("blind_by", [])))
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
                self.settle()
                self.policy.write_text(policy(2, ("servers", "users")))
                self.run_.send_signal(signal.SIGHUP)
                self.wait_for("is in force")
                self.settle()
                status = statuses(self.stop(), "end")[0]
                pairs = pairs_of(status)
                self.assertEqual(pairs["users", "servers"]["flows"], 140)
                self.assertEqual(pairs["internet", "users"]["flows"], 30)
                staff = [pair for names, pair in pairs.items() if "staff" in names]
                self.assertEqual(staff, [])
                self.assertEqual(sum(pair["flows"] for pair in pairs.values()), 200)


class Blindness(Live):
    def intervals(self, events, cause):
        """As they were told last, by when they began."""
        told = {}
        for status in statuses(events, None):
            for interval in status.get("blindness", []):
                if interval["cause"] == cause:
                    told[interval["begin"]] = interval
        return list(told.values())

    def check(self, events):
        run = subprocess.run([sys.executable, ROOT / "tests/support/validate_events.py", SCHEMA,
                              self.output], capture_output=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        for status in statuses(events, None):
            if status["cause"] != "policy":
                self.assertEqual(status["blindness_left_out"], 0)

    def test_of_an_interface_lasts_until_it_is_back(self):
        path = self.capture(conversations(10))
        for change, back in ((("set", "r0", "down"), lambda: ip_r("set", "r0", "up")),
                             (("del", "r0"), live.add_link)):
            with self.subTest(change):
                self.start("-w", "2", "--heartbeat", "1")
                self.send(path)
                self.settle()
                began = time.time()
                ip_r(*change)
                self.wait_for_events(lambda events: any(
                    pair["visibility"] == "none" for status in statuses(events, "interval")
                    for pair in status["pairs"]))
                ended = time.time()
                back()
                self.wait_for("r0: capturing", 2)
                events = self.stop()
                self.check(events)
                told = [i for i in self.intervals(events, "interface")
                        if seconds(i.get("end", i["begin"])) > began]  # Not that of the start.
                self.assertEqual({(i["interface"], i["visibility"]) for i in told},
                                 {("r0", "none")})
                self.assertLess(min(seconds(i["begin"]) for i in told), began + BUSY)
                # A carrier that comes late makes two of it.
                self.assertGreaterEqual(max(seconds(i["end"]) for i in told if "end" in i), ended)

    def test_is_told_when_it_begins_and_when_it_has_ended(self):
        self.start("--heartbeat", "3600")
        ip_r("set", "r0", "down")
        self.wait_for("r0: down")
        ip_r("set", "r0", "up")
        self.wait_for("r0: capturing", 2)
        events = self.stop()
        told = [[("end" in i) for i in status["blindness"] if i["cause"] == "interface"]
                for status in statuses(events, "change")]
        self.assertEqual(told[-2:], [[True, False], [True, True]])

    def test_by_what_the_kernel_drops_says_how_much(self):
        path = self.capture(conversations(500))
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.start("-w", str(workers), "--buffer", "1M", "--no-dpi", "-e", "status")
                self.run_.send_signal(signal.SIGSTOP)
                began = time.time()
                self.send(path, 10)
                time.sleep(3.5)
                self.run_.send_signal(signal.SIGCONT)
                self.wait_for("blind by kernel_drops")
                events = self.stop()
                self.check(events)
                told = self.intervals(events, "kernel_drops")
                self.assertEqual(len(told), 1)
                end = statuses(events, "end")[0]
                self.assertEqual(told[0]["lost"], end["capture"]["kernel_drops"])
                self.assertEqual(told[0]["interface"], "r0")
                self.assertLess(seconds(told[0]["begin"]), began + BUSY)
                self.assertEqual({pair["visibility"] for pair in end["pairs"]}, {"partial"})
                suspended = [i for i in self.intervals(events, "suspended")
                             if seconds(i["end"]) - seconds(i["begin"]) > 3]
                self.assertEqual(len(suspended), 1)
                self.assertLess(abs(seconds(suspended[0]["begin"]) - began), BUSY)

    def test_of_a_pair_seen_from_one_end_is_of_that_pair_alone(self):
        self.policy.write_text(policy(1))
        frames = [f for f in conversations(50) if f[26:28] == b"\x0a\x01"]
        for i in range(50):
            frames += p.tcp_session(f"10.3.0.{i + 1}", "10.2.0.1", 80)
        self.start("-p", self.policy, "--heartbeat", "1")
        self.send(self.capture(frames))
        self.settle()
        events = self.stop()
        self.check(events)
        told = self.intervals(events, "one_sided")
        self.assertEqual([(i["src"], i["dst"], i["lost"]) for i in told],
                         [("users", "servers", 50)])
        pairs = pairs_of(statuses(events, "end")[0])
        self.assertEqual(pairs["staff", "servers"]["one_sided"], 0)

    def test_by_gaps_is_what_was_acknowledged_and_not_captured(self):
        self.policy.write_text(policy(1))
        frames = []
        for i in range(50):
            session = p.tcp_session(f"10.1.0.{i + 1}", "10.2.0.1", 80, request=b"x" * 1000)
            if i < 25:
                session = [f for f in session if len(f) < 1000]
            frames += session
        self.start("-p", self.policy, "--heartbeat", "3600")
        self.send(self.capture(frames))
        self.settle()
        events = self.stop()
        self.check(events)
        pair = pairs_of(statuses(events, "end")[0])["users", "servers"]
        self.assertEqual(pair["missed_bytes"], {"src": 25000, "dst": 0})
        self.assertEqual(pair["visibility"], "partial")
        self.assertIn("gaps", pair["blind_by"])
        told = self.intervals(events, "gaps")
        self.assertEqual([i["lost"] for i in told], [25000])


class Clock(Live):
    """Of the program alone: frames are stamped by the system's, which is not set."""
    def start_with_clock(self, *options):
        libraries = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries or SANITIZED:
            self.skipTest("no libfaketime, or it does not go with a sanitizer")
        self.clock = self.path / "clock"
        self.set_clock("+0")
        self.start(*options, environment={
            "LD_PRELOAD": str(libraries[0]), "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def set_clock(self, offset):
        whole = self.path / "clock.new"
        whole.write_text(offset + "\n")
        whole.rename(self.clock)

    def test_that_is_set_ends_no_flow(self):
        frames = conversations(50)
        opened = [f for i, f in enumerate(frames) if i % (len(frames) // 50) < 4]
        rest = [f for i, f in enumerate(frames) if i % (len(frames) // 50) >= 4]
        asked = [p.udp("10.1.0.1", 5000 + i, "10.2.0.1", 53, b"q") for i in range(50)]
        answers = [p.udp("10.2.0.1", 53, "10.1.0.1", 5000 + i, b"answer") for i in range(50)]
        paths = [self.capture(opened + asked, "opened.pcap"),
                 self.capture(rest + answers, "rest.pcap")]
        for offset in ("+7200", "-7200"):
            for workers in (1, 2):
                with self.subTest(offset, workers=workers):
                    self.start_with_clock("-w", str(workers))
                    self.send(paths[0])
                    self.settle()
                    self.set_clock(offset)
                    self.wait_for("the clock was set by " + offset[:1] + "7")
                    self.settle()
                    self.send(paths[1])
                    self.settle()
                    events = self.stop()
                    flows = [e for e in events if e["event"]["dataset"] == "segmon.flow"
                             and "end" in e["event"]["type"]]
                    self.assertEqual(len(flows), 100)
                    self.assertEqual({e["event"]["reason"] for e in flows}, {"shutdown"})
                    self.assertEqual(sum(e["network"]["packets"] for e in flows),
                                     len(frames) + 100)
                    for flow in flows:
                        self.assertIn("time-stepped", flow["segmon"]["flags"])
                    status = statuses(events, "end")[0]
                    self.assertEqual(status["clock_steps"], 1)
                    self.assertEqual([i["cause"] for i in status["blindness"]
                                      if i["cause"] == "clock_step"], ["clock_step"])
                    self.assertEqual([e["event"]["sequence"] for e in events],
                                     list(range(1, len(events) + 1)))
                    self.assertEqual(sorted(e["event"]["id"] for e in events),
                                     [e["event"]["id"] for e in events])
                    self.check_schema()

    def test_may_be_set_to_times_long_ago_and_far_ahead(self):
        for day in ("@1970-01-02 00:00:00", "@2038-01-19 03:14:08", "@2107-01-01 00:00:00"):
            with self.subTest(day):
                self.start_with_clock("--heartbeat", "1")
                self.send(self.capture(conversations(10)))
                self.settle()
                self.set_clock(day)
                self.wait_for("the clock was set by")
                self.send(self.capture(conversations(10)))
                self.settle()
                self.wait_for_events(lambda events: any(
                    e["@timestamp"].startswith(day[1:5]) for e in events))
                events = self.stop()
                self.assertEqual(statuses(events, "end")[0]["flows"]["packets"],
                                 2 * len(conversations(10)))
                self.check_schema()

    def check_schema(self):
        run = subprocess.run([sys.executable, ROOT / "tests/support/validate_events.py", SCHEMA,
                              self.output], capture_output=True)
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_sight.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
