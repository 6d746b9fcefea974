#!/usr/bin/env python3
"""test_crowd.py SEGMON CROWD [unittest options]: very many flows, made small. With
room for all of them none is lost; a flood is bounded, told in a few events, and
what it costs counted."""
import json
import subprocess
import sys
import unittest

SEGMON = CROWD = None
FLOWS = 50000


def replay(crowd, *options):
    """The counters of segmon's last event, how many flows' ends were written, and the
    events about many flows."""
    with subprocess.Popen([CROWD, *crowd, str(FLOWS)], stdout=subprocess.PIPE) as writer:
        done = subprocess.run([SEGMON, "replay", "-q", "-o", "-", *options, "-"],
                              stdin=writer.stdout, check=True, capture_output=True)
    ends = done.stdout.count(b'"record":"end"')
    others = [json.loads(line)["segmon"] for line in done.stdout.splitlines()
              if b'"record":"end"' not in line]
    return others[-1]["status"]["flows"], ends, others


class Crowd(unittest.TestCase):
    def check(self, flows, ends, others):
        together = sum(e["collapsed"]["flows"] for e in others if "collapsed" in e)
        self.assertEqual(flows["created"], flows["ended"])
        self.assertEqual(flows["ended"], ends + together)
        self.assertEqual(flows["collapsed"], together)
        self.assertEqual(flows["ended"], sum(flows["ended_by"].values()))

    def test_as_many_flows_as_there_is_room_for(self):
        for room, options in ((FLOWS * 5 // 4, []), (FLOWS * 5 // 4, ["--no-dpi"]),
                              (FLOWS * 2, ["--workers", "2"])):  # Who share it unevenly.
            flows, *told = replay(["-r", "2"], "--max-flows", str(room), *options)
            self.check(flows, *told)
            self.assertEqual(flows["emergency"]["entered"], 0)
            self.assertEqual(flows["created"], FLOWS)
            self.assertEqual(flows["evicted"], 0)
            self.assertEqual(flows["packets"], FLOWS * 7 // 2)

    def test_a_flood_of_syns_is_bounded_and_counted(self):
        flows, ends, others = replay(["-k", "syn"], "--max-flows", "10000")
        self.check(flows, ends, others)
        self.assertEqual(flows["emergency"]["entered"], 1)
        self.assertLess(ends + len(others), 10)
        self.assertEqual(flows["created"], FLOWS)
        self.assertEqual(flows["evicted"], FLOWS - 10000)

    def test_what_is_idle_ends_in_its_time(self):
        flows, *told = replay(["-q", "300"])
        self.check(flows, *told)
        self.assertEqual(flows["ended_by"]["idle"], FLOWS)
        self.assertEqual(flows["ended_by"]["eof"], 1)


if __name__ == "__main__":
    SEGMON, CROWD = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
