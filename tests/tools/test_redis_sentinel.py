#!/usr/bin/env python3
"""A real master, a replica and three Sentinels: test_redis_sentinel.py SEGMON [unittest
options].

All on ports of 127.0.0.1 that were free.  Skipped without redis-server.  With
SEGMON_TEST_LONG=N the load is N flows, in a minute."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from redis_cluster import Sentinels, start_server, wait_for  # noqa: E402
from redis_server import SERVER  # noqa: E402
from steady_replay import SteadyReplay  # noqa: E402

SEGMON = None
LONG = int(os.environ.get("SEGMON_TEST_LONG", "0"))
KEY = "segmon:{lab}:flow"


class Failover(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-sentinel-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.master = self.serve("master")
        self.replica = self.serve("replica", "--replicaof", f"127.0.0.1 {self.master.port}")
        wait_for(lambda: b"state=online" in self.master.call("INFO", "replication"), "a replica")
        self.sentinels = Sentinels(self.folder, self.master)
        self.addCleanup(self.sentinels.kill)
        self.sentinels.know_each_other(1)

    def replay(self, **more):
        """With a spool on disk, which keeps what is acknowledged for a minute."""
        replay = SteadyReplay(SEGMON, self.sentinels.uri, self.folder, options=(
            "--set", f"spool.directory={self.folder}/spool"), **more)
        self.addCleanup(replay.stop)
        return replay

    def serve(self, name, *arguments):
        server = start_server(self.folder, name, "--repl-diskless-sync-delay", "0", *arguments)
        self.addCleanup(server.kill)
        return server

    def test_events_go_to_the_new_master_and_none_is_missing(self):
        replay = self.replay(n_flows=LONG or 20000, seconds=60 if LONG else 4)
        wait_for(lambda: self.master.call("XLEN", KEY) > replay.n_flows // 10, "events")
        stored = self.master.call("XLEN", KEY)
        self.master.kill()
        begin = time.monotonic()
        wait_for(lambda: b"role:master" in self.replica.call("INFO", "replication"),
                 "a new master")
        promoted = time.monotonic()
        had = self.replica.call("XLEN", KEY)
        wait_for(lambda: self.replica.call("XLEN", KEY) > had, "events in the new master")
        print(f"{stored} stored or more, {had} of them replicated; promoted after "
              f"{promoted - begin:.1f} s, events {time.monotonic() - promoted:.1f} s later",
              file=sys.stderr)
        status, errors = replay.wait()
        self.assertEqual(status, 0, errors)
        self.assertEqual(replay.missing(self.replica), [])

    def test_a_master_that_was_replaced_is_left_before_it_knows(self):
        """The failover is ordered, and nobody dies.  It takes Sentinels ten seconds to tell
        the old master, which forgets all that it is given until then."""
        replay = self.replay(seconds=6)
        wait_for(lambda: self.master.call("XLEN", KEY), "events")
        wait_for(lambda: self.sentinels.ask(0, "SENTINEL", "FAILOVER", "main") == b"OK", "order")
        wait_for(lambda: b"role:master" in self.replica.call("INFO", "replication"),
                 "a failover")
        self.assertFalse(replay.is_fed())
        status, errors = replay.wait()
        self.assertEqual(status, 0, errors)
        self.assertEqual(replay.missing(self.replica), [])
        self.readers_find(self.replica, replay.n_flows)

    def readers_find(self, server, n_flows):
        for words in (["forward", "--once", "-q", "--output", "-", "--events", "flow"],
                      ["tail", "--json", "--since", "0", "--events", "flow", "--count",
                       str(n_flows)]):
            done = subprocess.run([SEGMON, *words, "--redis", self.sentinels.uri],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stdout.splitlines()), n_flows)
        done = subprocess.run([SEGMON, "doctor", "--redis", self.sentinels.uri, "--sensor",
                               "lab"], capture_output=True, text=True, timeout=60)
        self.assertIn(f"redis-cli -h 127.0.0.1 -p {server.port}", done.stdout)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER:
        print("skipped: no redis-server")
        sys.exit(77)
    unittest.main(verbosity=2)
