#!/usr/bin/env python3
"""A real Redis Cluster: test_redis_cluster.py SEGMON [unittest options].

Three nodes on ports of 127.0.0.1 that were free.  Skipped without redis-server."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packets as p  # noqa: E402
from redis_cluster import Cluster  # noqa: E402
from redis_server import SERVER  # noqa: E402

SEGMON = None
N_FLOWS = 100


class InCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="segmon-cluster-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.cluster = Cluster(cls.folder)
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

    def test_readers_find_every_sensor_on_its_node(self):
        nodes = self.cluster.nodes
        sensors = {self.cluster.sensor_of(node, "r"): node for node in nodes}
        for sensor, node in sensors.items():
            self.replay(sensor, node)
            self.cluster.owner("segmon:sensors").call("HSET", "segmon:sensors", sensor, "1")
        for node in nodes:  # Whoever is asked first.
            lines = self.segmon("forward", "--redis", node.tcp, "--once", "-q", "--output", "-",
                                "--events", "flow", "--group", f"g{node.port}").splitlines()
            ids = [json.loads(line)["event"]["id"] for line in lines]
            self.assertEqual(len(ids), 3 * N_FLOWS)
            self.assertEqual(len(set(ids)), 3 * N_FLOWS)
            lines = self.segmon("tail", "--redis", node.tcp, "--json", "--events", "flow",
                                "--since", "0", "--count", str(3 * N_FLOWS)).splitlines()
            self.assertEqual({json.loads(line)["event"]["id"] for line in lines}, set(ids))
            top = self.segmon("top", "--redis", node.tcp)
            for sensor in sensors:
                self.assertIn(sensor, top)
        for sensor, node in sensors.items():
            found = json.loads(self.segmon("doctor", "--redis", nodes[0].tcp, "--json",
                                           "--sensor", sensor, status=None) or "{}")
            self.assertNotIn("D-REDIS-MOVED", json.dumps(found))


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER:
        print("skipped: no redis-server")
        sys.exit(77)
    unittest.main(verbosity=2)
