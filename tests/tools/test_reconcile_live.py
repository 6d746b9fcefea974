#!/usr/bin/env python3
"""segmon reconcile on what segmon run wrote, while it and the server are killed.
See live.py: test_reconcile_live.py SEGMON SEND_FRAMES.  Needs root and redis-server,
and says so: status 77."""
import json
import os
import subprocess
import sys
import time
import unittest

import live
from live import WAIT, Live, conversations
import redis_server as redis  # noqa: E402  live.py says where.
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

COMPLETE, INCOMPLETE, UNPROVEN = 0, 1, 3
N_CONVERSATIONS = 200
ROUNDS = int(os.environ.get("SEGMON_RECONCILE_ROUNDS", "2"))  # Of being killed.


class Running(Live):
    DURABLE = ("--appendonly", "yes", "--appendfsync", "always")

    def begin(self, *server_options):
        self.server = redis.Server(self.folder.name, *server_options)
        self.addCleanup(lambda: self.server.kill())
        self.spool = self.path / "spool"

    def run_sensor(self):
        now = int(time.time())
        while int(time.time()) == now:  # A run has the second as its epoch.
            time.sleep(0.02)
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\nsegments:\n"
                               "  users: {networks: [10.1.0.0/16]}\n"
                               "  servers: {networks: [10.2.0.0/16]}\n")
        self.start("--sensor", "here", "--no-dpi", "--redis", self.server.uri, "-p", self.policy,
                   "--set", f"spool.directory={self.spool}", "--set", "heartbeat=1s",
                   "--set", "flows.timeouts.tcp_closing=1s")

    def converse(self, i):
        """Conversations that were not there before; until the outputs were given their flows."""
        before = self.output.read_text().count('"segmon.flow"')
        self.send(self.capture(conversations(N_CONVERSATIONS, 80 + i)))
        end = time.monotonic() + WAIT
        while self.output.read_text().count('"segmon.flow"') < before + N_CONVERSATIONS:
            self.assertLess(time.monotonic(), end)
            self.send(self.capture(conversations(1, 79)))  # So that time passes.
            time.sleep(0.2)

    def reconcile(self, *options):
        run = subprocess.run([live.SEGMON, "reconcile", "-r", self.server.uri, "--json",
                              "--sensor", "here", "--spool", self.spool, *options],
                             capture_output=True, text=True, timeout=120)
        report = json.loads(run.stdout.splitlines()[0]) if run.stdout else None
        return run.returncode, report, run.stdout + run.stderr

    def wait_until(self, condition):
        """Asks again and again; nothing may ever seem to be missing."""
        end = time.monotonic() + 2 * WAIT
        while True:
            status, report, text = self.reconcile()
            self.assertNotEqual(status, INCOMPLETE, text)
            if status == COMPLETE and condition(report["kinds"]):
                return report
            self.assertLess(time.monotonic(), end, text)
            time.sleep(0.2)


class SensorsThatRun(Running):
    def test_are_complete_at_any_time(self):
        self.begin(*self.DURABLE)
        self.run_sensor()
        seen = 0
        for i in range(2):
            self.converse(i)
            seen = self.wait_until(lambda kinds: kinds["flow"]["entries"] > seen)["kinds"]["flow"]["entries"]
        self.stop()
        report = self.wait_until(lambda kinds: kinds["flow"]["waiting"] == 0)
        self.assertEqual((report["runs"], report["lineages"]), (1, 1))
        self.assertEqual(report["unaccounted"], 0)

    def test_are_complete_after_both_were_killed(self):
        self.begin(*self.DURABLE)
        for i in range(ROUNDS):
            self.run_sensor()
            self.converse(2 * i)
            self.server.kill()
            self.converse(2 * i + 1)
            self.assertEqual(self.reconcile()[0], UNPROVEN)
            self.run_.kill()
            self.run_.wait()
            self.server.start()
            status, report, text = self.reconcile()  # What waits is not missing.
            self.assertNotEqual(status, INCOMPLETE, text)
        self.run_sensor()
        report = self.wait_until(lambda kinds: not any(kind["waiting"] for kind in kinds.values()))
        self.assertEqual((report["lineages"], report["open_seams"]), (1, 0))
        self.assertGreaterEqual(report["kinds"]["flow"]["entries"], 2 * ROUNDS * N_CONVERSATIONS)
        self.stop()

    def test_are_complete_or_say_what_is_lost_after_a_server_forgot_all(self):
        self.begin()
        self.run_sensor()
        self.converse(0)
        self.wait_until(lambda kinds: kinds["flow"]["entries"] >= N_CONVERSATIONS)
        self.server.kill()
        self.server.start()
        self.converse(1)
        self.wait_until(lambda kinds: kinds["flow"]["last_serial"] >= 2 * N_CONVERSATIONS and
                        not any(kind["waiting"] for kind in kinds.values()))
        self.stop()

    def test_that_lost_an_entry_are_not_complete(self):
        self.begin(*self.DURABLE)
        self.run_sensor()
        self.converse(0)
        self.wait_until(lambda kinds: kinds["flow"]["entries"] > 50)
        middle = list(self.server.entries("flow", "here"))[20][0]
        self.server.call("XDEL", "segmon:{here}:flow", "%d-%d" % middle)
        status, report, text = self.reconcile()
        self.assertEqual(status, INCOMPLETE, text)
        self.assertEqual([found["first"] for found in report["findings"]], [21], text)
        self.stop()


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip() or (None if redis.SERVER else "no redis-server")
    if reason:
        print(f"test_reconcile_live.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
