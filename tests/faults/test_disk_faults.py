#!/usr/bin/env python3
"""Disks that are full or lie, of the Redis server and of the sensor; see sensor.py:
test_disk_faults.py SEGMON SEND_FRAMES.  Needs root and says so: status 77.

Each disk is a small one in memory, in a mount namespace of the process that uses it."""
import json
import pathlib
import re
import unittest

import sensor
from sensor import N, Sensor, live
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

DISK_BYTES = 4 << 20
KEPT = ("--appendonly", "yes", "--appendfsync", "always")


def on_small_disk(folder, size):
    """A command that becomes another one, for which 'folder' is such a disk."""
    return ("unshare", "-m", "sh", "-c",
            'mount -t tmpfs -o size="$1" segmon-test "$2" && shift 2 && exec "$@"', "sh",
            str(size), str(folder))


class Disk:
    """As its owner sees it."""

    def __init__(self, pid, folder):
        self.folder = pathlib.Path(f"/proc/{pid}/root{folder}")
        self.ballast = self.folder / "ballast"

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def make_room(self):
        self.ballast.unlink()


class OfRedis(Sensor):
    """Which says so, and is tried until there is room."""

    def serve_on_disk(self, *arguments, size=DISK_BYTES):
        folder = self.path / "disk"
        folder.mkdir()
        self.end_server(self.server)
        self.server = self.serve("--dir", folder, *arguments, wrapper=on_small_disk(folder, size))
        self.disk = Disk(self.server.process.pid, folder)

    def run_into_full_disk(self, heal):
        self.begin()
        self.send_round()
        self.wait_until_stored()
        self.disk.fill()
        self.wait_until(self.is_refused, "the server takes everything")
        self.wait_for("MISCONF")
        self.wait_until_written()
        self.disk.make_room()
        heal()
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()
        self.assertEqual(self.said_times("MISCONF"), 1)

    def is_refused(self):
        """A server that finds out with its next snapshot has to be asked after that."""
        self.send_round()
        return self.said_times(": fails: ")

    def test_that_is_full_for_its_log(self):
        self.serve_on_disk("--appendonly", "yes", "--appendfsync", "everysec")
        self.run_into_full_disk(
            lambda: self.wait_until(lambda: b"aof_last_write_status:ok" in self.server.call(
                "INFO", "persistence"), "the log is not written again"))

    def test_that_is_full_for_its_snapshots(self):
        self.serve_on_disk("--save", "1", "1", "--rdbcompression", "no", size=4 * DISK_BYTES)
        self.run_into_full_disk(self.save)

    def save(self):
        def saved():
            self.server.call("BGSAVE")
            return b"rdb_last_bgsave_status:ok" in self.server.call("INFO", "persistence")

        self.wait_until(saved, "no snapshot is written", pause=0.2)


class OfSpool(Sensor):
    SERVER = KEPT

    def begin_on_disk(self, *options, size=DISK_BYTES):
        self.spool.mkdir()
        self.begin(*options, wrapper=on_small_disk(self.spool, size))
        self.disk = Disk(self.run_.pid, self.spool)

    def test_that_is_full_costs_flows_first_and_all_of_it_is_told(self):
        """More than disk and memory hold while the server is away."""
        path = self.capture([f for i in range(10) for f in refused(2500, i)], "refused.pcap")
        self.begin_on_disk("--set", "flows.attempts=1000000")
        self.server.kill()
        self.send_round()
        self.send(path, 1, 10000)
        self.n_conversations += 25000
        self.wait_until_written()
        self.assertIsNone(self.run_.poll())
        self.server.start()
        self.wait_until_back()
        self.send_round()
        self.wait_until_written()
        self.wait_until(lambda: self.n_stored("violation") == self.n_written("violation"),
                        "violations are missing")
        last = self.finish(status=1, dropped=True)  # Events were lost.
        counted, = [o["events"] for o in last["outputs"] if "redis" in o["name"]]
        self.assertGreater(counted["flow"]["dropped"], 1000)
        self.assertEqual(counted["violation"]["dropped"], 0)
        written, stored = sensor.by_kind(self.events()), sensor.in_redis(self.server)
        found = {kind: [e["event"]["id"] for e in stored[kind]] for kind in sensor.KINDS}
        self.assertEqual(found["violation"], written["violation"])
        kept = set(found["flow"])
        self.assertEqual(found["flow"], [name for name in written["flow"] if name in kept])
        self.assertEqual(len(written["flow"]) - len(found["flow"]), counted["flow"]["dropped"])
        told = sensor.gaps(stored["status"])
        self.assertEqual(sum(missing(event)["flow"] for event in told),
                         counted["flow"]["dropped"], json.dumps(told[:2]))

    def test_that_was_full_is_written_to_again(self):
        self.begin_on_disk(size=16 << 20)
        self.server.kill()
        self.disk.fill()
        self.send_round(3)
        self.wait_until_written()
        self.wait_for("the disk of its spool fails, events wait in memory: ")
        self.assertIn("No space left on device", self.talk[-1])
        self.disk.make_room()
        self.wait_for("the disk of its spool works again")
        self.wait_until(lambda: any(file.stat().st_size > N * 3 * 400
                                    for file in self.disk.folder.rglob("*") if file.is_file()),
                        "what waited in memory does not get to the disk")
        self.server.start()
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()


def refused(n, part):
    """Attempts that an RST answers, which nothing forbids."""
    frames = []
    for i in range(n):
        ends = (f"10.2.{part}.{i // 250 + 1}", 1024 + i, "10.2.0.1", 443)
        frames += [live.p.tcp(*ends, live.p.SYN),
                   live.p.tcp(*ends[2:], *ends[:2], live.p.RST | live.p.ACK)]
    return frames


def missing(event):
    """By kind, as a gap record says."""
    gap = event["segmon"]["status"]["gap"]
    return {kind: gap["missing"] if gap["kind"] == kind else 0 for kind in sensor.KINDS}


class Damaged(Sensor):
    SERVER = KEPT

    def only_line(self, pattern):
        found, = filter(None, (re.search(pattern, line) for line in self.said_lines()))
        return found

    def test_records_are_told_as_missing_and_nothing_else_is(self):
        """A bit flips in what waits for a server; see tests/tools/spool for every byte."""
        self.begin()
        self.server.kill()
        self.send_round(2)
        self.wait_until_written()
        first = self.stop()
        left = int(self.only_line(r"(\d+) events for redis.* wait in the spool for the next run")[1])
        segment = max((f for f in self.spool.rglob("*") if f.is_file()),
                      key=lambda f: f.stat().st_size)
        content = bytearray(segment.read_bytes())
        content[len(content) // 2] ^= 1
        segment.write_bytes(content)
        self.server.start()
        self.output = self.path / "second.ndjson"
        self.begin()
        self.wait_until(lambda: self.n_stored() >= 2 * N - 1, "the rest is not stored")
        self.wait_until(lambda: self.n_stored("violation") >= 2 * N - 1, "the rest is not stored")
        second = self.stop(status=1)  # One is lost.
        lost, came, own, earlier = map(int, self.only_line(
            r"(\d+) of (\d+) events did not reach redis.*"
            r" \((\d+) of this run, (\d+) left by earlier ones\)").groups())
        self.assertEqual((lost, own, earlier), (1, len(second) + 1, left))  # It tells the gap.
        self.assertEqual(came, own + earlier)
        wanted = sensor.by_kind(first + second)
        stored = sensor.in_redis(self.server)
        told = sensor.gaps(stored["status"])
        self.assertEqual(len(told), 1, told)
        for kind in sensor.KINDS:
            found = [e["event"]["id"] for e in stored[kind] if e not in told]
            kept = set(found)
            self.assertEqual(found, [name for name in wanted[kind] if name in kept])
            self.assertEqual(len(wanted[kind]) - len(found), missing(told[0])[kind])


if __name__ == "__main__":
    _, arguments = sensor.main("test_disk_faults.py")
    unittest.main(argv=arguments, verbosity=2)
