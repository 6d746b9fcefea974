#!/usr/bin/env python3
"""A live run, its configuration file and its signals: see live.py.
test_configuration.py SEGMON SEND_FRAMES.  Needs root and says so: status 77."""
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest

import live
from live import Live, conversations
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

sys.path.insert(0, str(live.ROOT / "tests/support"))
import redis_server  # noqa: E402

POLICY = """\
version: 1
policy: {name: test, revision: "%s"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: any, action: allow}
"""

CONFIG = """\
sensor: edge
policy: policy.yaml
heartbeat: %s
capture: {interfaces: [r0], workers: %d, buffer: 1M}
dpi: {enabled: false}
outputs: [{file: events.ndjson, events: [%s]}]
"""


BUSY = 10  # Seconds that a machine may have no time for us.


def notes_of(events):
    """What status events said, of those that tell of a reload."""
    return [event["segmon"]["status"].get("notes", []) for event in events
            if event["event"]["dataset"] == "segmon.status"
            and event["segmon"]["status"]["cause"] == "policy"]


class Configured(Live):
    def setUp(self):
        super().setUp()
        self.config = self.path / "segmon.yaml"
        self.policy.write_text(POLICY % 1)

    def configure(self, heartbeat="60", workers=1, events="flow, violation, status", more=""):
        self.config.write_text(CONFIG % (heartbeat, workers, events) + more)

    def reload(self, answer="is in force", n=1):
        self.run_.send_signal(signal.SIGHUP)
        self.wait_for(answer, n)


class File(Configured):
    def test_says_it_all(self):
        self.configure(workers=2)
        self.start(config=self.config)
        sent = self.send(self.capture(conversations(20)), pace=20000)
        self.settle()
        events = self.stop()
        end = events[-1]
        self.assertEqual(end["observer"]["name"], "edge")
        self.assertEqual(end["segmon"]["status"]["workers"], 2)
        self.assertEqual(end["segmon"]["status"]["capture"]["frames"], sent)
        self.assertEqual({e["rule"]["id"] for e in events
                          if e["event"]["dataset"] == "segmon.flow"}, {"web"})
        self.assertEqual(sum(e["event"]["dataset"] == "segmon.flow" for e in events), 20)

    def test_budget_is_shared_out_and_told(self):
        self.configure(more="memory: 300M\n")
        self.start(config=self.config)
        start = self.stop()[0]["segmon"]["status"]
        self.assertRegex(start["notes"][0], r"^memory: capture rings 1M, event queues \d+M, .*"
                                            r"flow table \d+M$")
        self.assertIn("segmon run: " + start["notes"][0] + "\n", self.talk)
        self.configure(more="memory: 100M\n")
        self.start(config=self.config, ready=None)
        self.assertEqual(self.run_.wait(live.WAIT), 2)
        self.wait_for(f"{self.config}:7:9: E-BUDGET: 'memory' is too small")

    def test_loses_to_the_command_line(self):
        self.configure(workers=2)
        self.output = self.path / "other.ndjson"
        self.start("-w", "1", "-o", self.output, "--set", "sensor=other", config=self.config)
        events = self.stop()
        self.assertEqual(events[-1]["observer"]["name"], "other")
        self.assertEqual(events[-1]["segmon"]["status"]["workers"], 1)
        self.assertFalse((self.path / "events.ndjson").exists())

    def test_with_mistakes_is_not_started_with(self):
        self.configure(more="capture: {}\nprivcy: {}\n")
        self.start(config=self.config, ready=None)
        self.assertEqual(self.run_.wait(live.WAIT), 2)
        self.listener.join()
        said = "".join(self.talk)
        self.assertIn(f"{self.config}:7:1: E-DUPKEY", said)
        self.assertIn(f"{self.config}:8:1: E-UNKNOWN-KEY: the configuration has no key 'privcy' "
                      "(did you mean 'privacy'?)", said)
        self.assertFalse(self.output.exists())


class Reload(Configured):
    def test_brings_policy_and_what_needs_no_restart_into_force(self):
        self.configure()
        self.start(config=self.config)
        self.policy.rename(self.path / "next.yaml")
        (self.path / "next.yaml").write_text(POLICY % 2)
        self.configure(heartbeat="1")
        self.config.write_text(self.config.read_text().replace("policy.yaml", "next.yaml"))
        self.reload()
        self.wait_for("heartbeat: 1s, was 60s")
        self.wait_for_events(lambda events: sum('"interval"' in json.dumps(e)
                                                for e in events) >= 2)
        events = self.stop()
        self.assertEqual(events[-1]["segmon"]["policy"]["revision"], "2")
        (notes,) = notes_of(events)
        self.assertEqual([note.split(":")[0] for note in notes], ["policy", "heartbeat"])

    def test_names_what_needs_a_restart_and_leaves_it(self):
        self.configure()
        self.start(config=self.config)
        self.configure(workers=2, events="status")
        self.reload()
        self.wait_for("capture.workers: 2, was 1: needs a restart, the old one stays")
        self.reload(n=2)  # Told again: it is still so.
        self.wait_for("capture.workers: 2, was 1: needs a restart", 2)
        self.send(self.capture(conversations(3)), pace=20000)
        self.settle()
        events = self.stop()
        self.assertEqual(events[-1]["segmon"]["status"]["workers"], 1)
        self.assertEqual(sum(e["event"]["dataset"] == "segmon.flow" for e in events), 3)
        self.assertEqual([note.split(":")[0] for note in notes_of(events)[0]],
                         ["outputs", "capture.workers"])

    def test_of_a_mistake_changes_nothing_and_tells_it(self):
        for what, text, place in (
                ("configuration", "heartbeat: 0\nsensr: x\n", f"{self.config}:1:12: E-VALUE"),
                ("policy", None, f"{self.policy}:1:1: E-"),
                ("missing", "policy: none.yaml\n", f"{self.path}/none.yaml: E-FILE")):
            with self.subTest(what):
                self.configure()
                self.policy.write_text(POLICY % 1)
                self.output.write_text("")
                self.start(config=self.config)
                if text is None:
                    self.policy.write_text("rulez: []\n")
                    self.configure(heartbeat="1")
                else:
                    self.config.write_text(text)
                self.reload("the policy in force stays, and so do the settings")
                self.wait_for(place)
                events = self.stop()
                (notes,) = notes_of(events)
                self.assertIn("refused: ", notes[0])
                self.assertEqual(events[-1]["segmon"]["policy"]["revision"], "1")
                self.assertFalse(any("was 60s" in line for line in self.talk))

    def test_keeps_what_the_command_line_says(self):
        self.configure()
        self.start("--heartbeat", "30", config=self.config)
        self.configure(heartbeat="1")
        self.reload()
        self.stop()
        self.assertFalse(any("heartbeat" in line for line in self.talk))

    def test_opens_a_file_again_that_was_moved_away(self):
        self.configure(events="status")
        self.start(config=self.config)
        moved = self.path / "events.ndjson.1"
        self.wait_for_events(lambda events: "start" in json.dumps(events))
        self.output.rename(moved)
        self.reload()
        events = self.stop()
        old = [json.loads(line) for line in moved.read_text().splitlines()]
        self.assertEqual(old[0]["segmon"]["status"]["cause"], "start")
        self.assertEqual(events[-1]["segmon"]["status"]["cause"], "end")
        sequences = [event["event"]["sequence"] for event in old + events]
        self.assertEqual(sequences, list(range(1, len(sequences) + 1)))

    def test_brings_a_level_of_the_log_into_force(self):
        self.configure(more="log: {level: error}\n")
        self.output.write_text("")
        self.start(config=self.config, ready=None)
        self.wait_for_events(lambda events: "r0: capturing" in json.dumps(events))
        self.configure(more="log: {level: info}\n")
        self.reload()
        self.assertFalse(any("capturing" in line for line in self.talk), self.talk)
        self.stop()
        self.assertTrue(any(" frames, " in line for line in self.talk))

    def test_leaves_names_out_from_then_on(self):
        def browse(host):
            path = self.capture(live.p.tcp_session(
                "10.1.0.1", "10.2.0.1", 80, sport=20000 + len(host),
                request=b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode(),
                response=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            self.send(path, pace=20000)
            self.settle()

        self.configure()
        self.start("--set", "dpi.enabled=true", "--set", "flows.timeouts.tcp_closing=1",
                   config=self.config)
        browse("before.example")
        self.wait_for_events(lambda events: "before.example" in json.dumps(events))
        self.configure(more="privacy: {redact: [hostnames]}\n")
        self.reload()
        browse("after-wards.example")
        events = self.stop()
        self.assertEqual(sum(e["event"]["dataset"] == "segmon.flow" for e in events), 2)
        self.assertNotIn("after-wards.example", json.dumps(events))

    def test_brings_timeouts_and_attempts_into_force_for_flows_alive(self):
        """They would live for an hour, and be told one by one."""
        opened = [f for f in conversations(20) if f[47] & live.p.FIN == 0]
        syns = [live.p.tcp(f"10.1.9.{i + 1}", 1024, "10.2.0.1", 80, live.p.SYN)
                for i in range(100)]
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.configure(workers=workers)
                self.start("--buffer", "64M", config=self.config)
                self.send(self.capture(opened + syns), pace=20000)
                self.settle()
                self.assertEqual(self.state()["flows"]["active"], 120)
                self.configure(workers=workers, more="flows: {attempts: 10, timeouts: "
                               "{tcp_established: 1, tcp_opening: 2}}\n")
                self.reload()
                self.wait_for("flows.timeouts.tcp_established: 1s, was 3600s")
                self.wait_for("flows.attempts: 10, was 10000")
                self.wait_until_ended()
                flows = [e for e in self.stop() if e["event"]["dataset"] == "segmon.flow"]
                self.assertEqual({e["event"]["reason"] for e in flows
                                  if e["segmon"]["record"] == "end"}, {"idle"})
                together = [e["segmon"]["collapsed"]["flows"] for e in flows
                            if e["segmon"]["record"] == "collapsed"]
                self.assertEqual(sum(together), 90)
                self.assertEqual(len(flows) - len(together), 30)

    def wait_until_ended(self):
        end = time.monotonic() + live.WAIT
        while (flows := self.state()["flows"])["active"]:
            self.assertLess(time.monotonic(), end, flows)
            time.sleep(0.2)

    def test_a_hundred_times_costs_no_frame(self):
        self.configure(workers=2)
        self.start("--buffer", "64M", config=self.config)
        path = self.capture(conversations(200))
        for i in range(100):
            self.policy.write_text(POLICY % i)
            self.run_.send_signal(signal.SIGHUP)
            if i % 10 == 0:
                self.send(path, pace=50000)
        self.settle()
        discarded = self.discarded()
        capture = self.stop()[-1]["segmon"]["status"]["capture"]
        self.assertEqual((capture["frames"], capture["kernel_drops"]),
                         (self.sent - discarded, 0))


class Files(Configured):
    def test_are_appended_to(self):
        self.configure(events="status")
        self.start(config=self.config)
        before = self.stop()
        kept = self.output.read_text()
        self.output.rename(self.path / "kept")  # start() would remove it.
        self.configure(events="status")
        self.config.write_text(self.config.read_text().replace("events.ndjson", "kept"))
        self.start(config=self.config)
        self.output = self.path / "kept"
        after = self.stop()
        self.assertTrue(self.output.read_text().startswith(kept))
        self.assertGreater(len(after), len(before))


class State(Configured):
    def test_is_told_when_asked_and_nothing_stops(self):
        self.configure()
        self.start(config=self.config)
        sent = self.send(self.capture(conversations(5)), pace=20000)
        self.settle()
        self.run_.send_signal(signal.SIGUSR1)
        self.wait_for(f"state capture: frames {sent}, ")
        self.wait_for("state interfaces 0.workers 0: received")
        self.wait_for("state flows: created 5, ")
        self.assertEqual(self.stop()[-1]["segmon"]["status"]["capture"]["frames"], sent)


@unittest.skipUnless(redis_server.SERVER, "redis-server is missing")
class Stop(Live):
    """Whatever its outputs do, a run ends in its time, and says what was lost."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = redis_server.Server(folder.name)
        self.addCleanup(self.server.kill)

    def end(self, seconds):
        began = time.monotonic()
        self.run_.terminate()
        self.assertEqual(self.run_.wait(live.WAIT + seconds), 1)
        self.assertLess(time.monotonic() - began, seconds + BUSY)
        self.listener.join()

    def begin(self, seconds):
        self.start("-r", self.server.uri, "--no-dpi", "--set", f"stop_timeout={seconds}s")
        self.path_ = self.capture(conversations(500))

    def lost(self):
        """Of the events for the server, told as lost."""
        line, = [line for line in self.talk if "did not reach redis" in line] or self.fail(self.talk)
        words = line.removeprefix("segmon run: ").split()
        return int(words[0]), int(words[2])

    def test_where_the_server_hangs(self):
        self.begin(8)
        self.server.signal(signal.SIGSTOP)
        self.addCleanup(self.server.signal, signal.SIGCONT)
        self.send(self.path_, pace=20000)
        self.settle()
        self.end(8)
        lost, emitted = self.lost()
        flows = sum(e["event"]["dataset"] == "segmon.flow" for e in self.events())
        self.assertEqual(flows, 500)
        self.assertGreaterEqual(emitted, 500)
        self.assertGreaterEqual(lost, 500)

    def test_where_the_server_is_gone(self):
        self.begin(6)
        self.server.kill()
        self.send(self.path_, pace=20000)
        self.settle()
        self.end(6)
        self.assertGreaterEqual(self.lost()[0], 500)

    def test_where_nobody_reads_the_pipe(self):
        fifo = self.path / "pipe"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.output = fifo
        self.start("--no-dpi", "--set", "stop_timeout=6s")
        self.send(self.capture(conversations(2000)), pace=20000)
        self.end(6)
        self.assertTrue(any(f"events did not reach {fifo}" in line for line in self.talk))

    def test_and_without_trouble_at_once_and_whole(self):
        self.begin(8)
        self.send(self.path_, pace=20000)
        self.settle()
        events = self.stop()
        self.assertLess(self.stopped_in, 8)
        self.assertEqual({e["event"]["reason"] for e in events
                          if e["event"]["dataset"] == "segmon.flow"}, {"shutdown"})
        self.assertEqual(len(list(self.server.entries("flow", events[0]["observer"]["name"]))),
                         500)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv.pop(1), sys.argv.pop(1)
    reason = live.reason_to_skip()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
