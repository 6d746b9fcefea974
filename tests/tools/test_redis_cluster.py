#!/usr/bin/env python3
"""A real Redis Cluster: test_redis_cluster.py SEGMON [unittest options].

Three nodes and a replica on ports of 127.0.0.1 that were free.  Skipped without redis-server.  With
SEGMON_TEST_LONG=N the load on a slot that moves is N flows, in a minute."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packets as p  # noqa: E402
from redis_cluster import Cluster, wait_for  # noqa: E402
from redis_server import SERVER  # noqa: E402
from steady_replay import SteadyReplay, number_of  # noqa: E402

SEGMON = None
N_FLOWS = 100
LONG = int(os.environ.get("SEGMON_TEST_LONG", "0"))


class InCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="segmon-cluster-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        # To move what a long run makes keeps nodes from answering for seconds.
        cls.cluster = Cluster(cls.folder, replicas=1, timeout_ms=20000 if LONG else 2000)
        cls.addClassCleanup(cls.cluster.kill)
        cls.capture = os.path.join(cls.folder, "a.pcap")
        pathlib.Path(cls.capture).write_bytes(p.pcap(
            [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(N_FLOWS)]))

    def segmon(self, *words, status=0):
        done = subprocess.run([SEGMON, *words], capture_output=True, text=True, timeout=60)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def replay(self, sensor, node):
        self.segmon("replay", "-q", "--sensor", sensor, "--redis", node.tcp, self.capture)

    def test_a_sensor_finds_its_node_and_readers_it(self):
        for node in self.cluster.nodes[:3]:
            sensor = self.cluster.sensor_of(node, "f")
            self.replay(sensor, self.cluster.nodes[0])
            self.assertEqual(node.call("XLEN", "segmon:{%s}:flow" % sensor), N_FLOWS)
            self.assertEqual(len(self.cluster.owner("segmon:sensors").call(
                "HGET", "segmon:sensors", sensor)), 8)

    def test_readers_find_every_sensor_on_its_node(self):
        nodes = self.cluster.nodes[:3]
        sensors = {self.cluster.sensor_of(node, "r"): node for node in nodes}
        for sensor, node in sensors.items():
            self.replay(sensor, node)
        names = ",".join(sensors)
        for node in nodes:  # Whoever is asked first.
            lines = self.segmon("forward", "--redis", node.tcp, "--once", "-q", "--output", "-",
                                "--events", "flow", "--group", f"g{node.port}", "--sensor",
                                names).splitlines()
            ids = [json.loads(line)["event"]["id"] for line in lines]
            self.assertEqual(len(ids), 3 * N_FLOWS)
            self.assertEqual(len(set(ids)), 3 * N_FLOWS)
            lines = self.segmon("tail", "--redis", node.tcp, "--json", "--events", "flow",
                                "--since", "0", "--count", str(3 * N_FLOWS), "--sensor",
                                names).splitlines()
            self.assertEqual({json.loads(line)["event"]["id"] for line in lines}, set(ids))
            top = self.segmon("top", "--redis", node.tcp)
            for sensor in sensors:
                self.assertIn(sensor, top)
        for sensor, node in sensors.items():
            found = json.loads(self.segmon("doctor", "--redis", nodes[0].tcp, "--json",
                                           "--sensor", sensor, status=None) or "{}")
            self.assertNotIn("D-REDIS-MOVED", json.dumps(found))

    def test_events_follow_a_slot(self):
        cluster = self.cluster
        one, other = cluster.nodes[:2]
        sensor = cluster.sensor_of(one, "m")
        slot = cluster.slot("{%s}" % sensor)
        replay = SteadyReplay(SEGMON, cluster.nodes[2].tcp, self.folder, sensor=sensor,
                              n_flows=LONG or 20000, seconds=60 if LONG else 5)
        self.addCleanup(replay.stop)
        key = "segmon:{%s}:flow" % sensor
        wait_for(lambda: one.call("XLEN", key), "events")
        output = self.forward(sensor)
        n_moves = 0
        while n_moves < 2 or (LONG and not replay.is_fed()):
            cluster.begin_migration(slot, one, other)
            time.sleep(0.3)
            cluster.migrate_keys(slot, one, other, pause=0.1)
            before = ask(other, "XLEN", key)  # Not refused while the slot is on its way:
            if n_moves == 0 or not replay.is_fed():
                wait_for(lambda: ask(other, "XLEN", key) > before, "events")
            cluster.end_migration(slot, other)
            one, other = other, one
            n_moves += 1
        status, errors = replay.wait()
        self.assertEqual(status, 0, errors)
        owner = cluster.owner(key)
        print(f"{n_moves} moves, {replay.n_flows} flows", file=sys.stderr)
        self.assertEqual(replay.missing(owner), [])
        ids = {fields[b"id"].decode() for _, fields in owner.entries("flow", sensor)}
        wait_for(lambda: ids_in(output) == ids, "what is passed on")

    def test_a_list_with_a_greatest_length_is_fed_while_its_slot_moves(self):
        cluster, most = self.cluster, 100
        one, other = cluster.nodes[:2]
        sensor = cluster.sensor_of(one, "l")
        key, slot = "segmon:{%s}:flow" % sensor, cluster.slot("{%s}" % sensor)
        replay = SteadyReplay(SEGMON, cluster.nodes[2].tcp, self.folder, sensor=sensor, n_flows=2000,
                              options=("--redis-mode", "list", "--redis-max-length", str(most)))
        self.addCleanup(replay.stop)
        wait_for(lambda: one.call("LLEN", key) == most, "a full list")
        cluster.begin_migration(slot, one, other)
        cluster.migrate_keys(slot, one, other)
        lines = []

        def take():
            self.assertLessEqual(ask(other, "LLEN", key), most)
            lines.extend(ask(other, "LPOP", key, most) or [])
            return len(lines) >= replay.n_flows
        wait_for(take, "events")
        cluster.end_migration(slot, other)
        self.assertEqual([number_of(json.loads(line)) for line in lines], list(range(replay.n_flows)))
        self.assertEqual(replay.wait(), (0, ""))

    def forward(self, sensor):
        """Its reader, which goes on until the test ends."""
        output = os.path.join(self.folder, f"{sensor}.ndjson")
        process = subprocess.Popen([SEGMON, "forward", "-q", "--redis", self.cluster.nodes[2].tcp,
                                    "--sensor", sensor, "--events", "flow", "--output", output],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return output

    def test_when_a_node_dies_its_replica_takes_over(self):
        """The last test, for all others want that node."""
        first, replica = self.cluster.nodes[0], self.cluster.nodes[3]
        sensor = self.cluster.sensor_of(first, "k")
        key = "segmon:{%s}:flow" % sensor
        replay = SteadyReplay(SEGMON, first.tcp, self.folder, sensor=sensor, seconds=4)
        self.addCleanup(replay.stop)
        wait_for(lambda: first.call("XLEN", key) > 1000, "events")
        first.kill()
        begin = time.monotonic()
        wait_for(lambda: b"role:master" in replica.call("INFO", "replication"), "a new master")
        print(f"promoted after {time.monotonic() - begin:.1f} s", file=sys.stderr)
        status, errors = replay.wait()
        self.assertEqual(status, 0, errors)
        self.assertEqual(replay.missing(replica), [])


def ids_in(path):
    """Of whole lines."""
    lines = pathlib.Path(path).read_text().split("\n")[:-1]
    return {json.loads(line)["event"]["id"] for line in lines}


def ask(node, *words):
    """Of a slot that is on its way to this node."""
    return node.call_all(("ASKING",), words)[-1]


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER:
        print("skipped: no redis-server")
        sys.exit(77)
    unittest.main(verbosity=2)
