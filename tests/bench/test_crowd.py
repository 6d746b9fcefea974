#!/usr/bin/env python3
"""test_crowd.py SEGMON CROWD [unittest options]: very many flows, made small. With
room for all of them none is lost; a flood is bounded, and what it costs counted."""
import json
import subprocess
import sys
import unittest

SEGMON = CROWD = None
FLOWS = 50000


def replay(crowd, *options):
    """The counters of segmon's last event, and how many flows' ends were written."""
    with subprocess.Popen([CROWD, *crowd, str(FLOWS)], stdout=subprocess.PIPE) as writer:
        done = subprocess.run([SEGMON, "replay", "-q", "-o", "-", *options, "-"],
                              stdin=writer.stdout, check=True, capture_output=True)
    ends = done.stdout.count(b'"record":"end"')
    return json.loads(done.stdout.splitlines()[-1])["segmon"]["status"]["flows"], ends


class Crowd(unittest.TestCase):
    def check(self, flows, ends):
        self.assertEqual(flows["created"], flows["ended"])
        self.assertEqual(flows["ended"], ends)
        self.assertEqual(flows["ended"], sum(flows["ended_by"].values()))

    def test_as_many_flows_as_there_is_room_for(self):
        for room, options in ((FLOWS * 5 // 4, []), (FLOWS * 5 // 4, ["--no-dpi"]),
                              (FLOWS * 2, ["--workers", "2"])):  # Who share it unevenly.
            flows, ends = replay(["-r", "2"], "--max-flows", str(room), *options)
            self.check(flows, ends)
            self.assertEqual(flows["created"], FLOWS)
            self.assertEqual(flows["evicted"], 0)
            self.assertEqual(flows["packets"], FLOWS * 7 // 2)

    def test_a_flood_of_syns_is_bounded_and_counted(self):
        flows, ends = replay(["-k", "syn"], "--max-flows", "10000")
        self.check(flows, ends)
        self.assertEqual(flows["created"], FLOWS)
        self.assertEqual(flows["evicted"], FLOWS - 10000)

    def test_what_is_idle_ends_in_its_time(self):
        flows, ends = replay(["-q", "300"])
        self.check(flows, ends)
        self.assertEqual(flows["ended_by"]["idle"], FLOWS)
        self.assertEqual(flows["ended_by"]["eof"], 1)


if __name__ == "__main__":
    SEGMON, CROWD = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
