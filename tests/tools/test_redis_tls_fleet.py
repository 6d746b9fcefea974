#!/usr/bin/env python3
"""TLS to a real Redis Cluster, and to a master that Sentinels watch: test_redis_tls_fleet.py
SEGMON [unittest options].

All of them speak nothing but TLS, on ports of 127.0.0.1 that were free.  Skipped where
redis-server, openssl or segmon itself know no TLS."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from certificates import OPENSSL, knows_tls, server_settings  # noqa: E402
from redis_cluster import Cluster, Sentinels, start_server, wait_for  # noqa: E402
from redis_server import SERVER  # noqa: E402
from steady_replay import SteadyReplay  # noqa: E402

SEGMON = None


class Fleet(unittest.TestCase):
    def setUp(self):
        if not knows_tls(SEGMON):
            self.skipTest("segmon was built without TLS")
        folder = tempfile.TemporaryDirectory(prefix="segmon-tls-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.tls = server_settings(self.folder)
        try:
            self.server = start_server(self.folder, "first", tls=self.tls)
        except RuntimeError:
            self.skipTest("this redis-server knows no TLS")
        self.addCleanup(self.server.kill)

    def replay(self, uri, **more):
        replay = SteadyReplay(SEGMON, uri, self.folder, **more)
        self.addCleanup(replay.stop)
        return replay

    def all_are_stored(self, replay, server):
        status, errors = replay.wait()
        self.assertEqual(status, 0, errors)
        self.assertEqual(replay.missing(server), [])

    def all_are_read(self, replay, uri):
        for words in (["forward", "--once", "-q", "--output", "-"],
                      ["tail", "--json", "--since", "0", "--count", str(replay.n_flows)]):
            done = subprocess.run([SEGMON, *words, "--redis", uri, "--events", "flow", "--sensor",
                                   replay.sensor], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stdout.splitlines()), replay.n_flows)

    def test_events_follow_a_slot_of_a_cluster(self):
        cluster = Cluster(self.folder, tls=self.tls)
        self.addCleanup(cluster.kill)
        one, other, asked = cluster.nodes
        sensor = cluster.sensor_of(one)
        key, slot = "segmon:{%s}:flow" % sensor, cluster.slot("{%s}" % sensor)
        replay = self.replay(asked.tcp, sensor=sensor)
        wait_for(lambda: one.call("XLEN", key), "events")
        cluster.begin_migration(slot, one, other)
        cluster.migrate_keys(slot, one, other)

        def length():  # In the node that the slot is on its way to.
            return other.call_all(("ASKING",), ("XLEN", key))[-1]
        before = length()
        wait_for(lambda: length() > before, "events that were sent on")
        cluster.end_migration(slot, other)
        self.all_are_stored(replay, other)
        self.all_are_read(replay, asked.tcp)

    def test_events_go_to_the_master_that_sentinels_choose(self):
        replica = start_server(self.folder, "second", "--replicaof",
                               f"127.0.0.1 {self.server.port}",
                               "--repl-diskless-sync-delay", "0", tls=self.tls)
        self.addCleanup(replica.kill)
        wait_for(lambda: b"state=online" in self.server.call("INFO", "replication"), "a replica")
        sentinels = Sentinels(self.folder, self.server, tls=self.tls)
        self.addCleanup(sentinels.kill)
        sentinels.know_each_other(1)
        replay = self.replay(sentinels.uri, seconds=4, options=(
            "--set", f"spool.directory={self.folder}/spool"))
        wait_for(lambda: self.server.call("XLEN", "segmon:{lab}:flow"), "events")
        wait_for(lambda: sentinels.ask(0, "SENTINEL", "FAILOVER", "main") == b"OK", "order")
        wait_for(lambda: b"role:master" in replica.call("INFO", "replication"), "a failover")
        self.all_are_stored(replay, replica)
        self.all_are_read(replay, sentinels.uri)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER or not OPENSSL:
        print("skipped: no redis-server, or no openssl")
        sys.exit(77)
    unittest.main(verbosity=2)
