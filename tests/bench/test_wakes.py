#!/usr/bin/env python3
"""test_wakes.py SEGMON GENERATE: threads that hand packets on hardly ever wake
each other.  The bound is the design's, not a machine's: each worker sleeps at most
about once for eight windows of 256 KiB, the desk once for a round of sixteen.

Bytes per packet are many in 'elephant', so its rounds have the fewest packets."""
import os
import subprocess
import sys
import tempfile
import unittest

SEGMON, GENERATE = sys.argv[1:3]
SCALE = "0.05"
N_PACKETS = 60000  # At least.
MAX_SLEEPS = 15    # For a thousand packets; some 3 of them by design.


class Wakes(unittest.TestCase):
    def sleeps(self, capture, workers):
        child = subprocess.Popen([SEGMON, "replay", "-q", "-w", str(workers), capture])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0)
        return usage.ru_nvcsw

    def test_a_thousand_packets_cost_a_few_sleeps(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = os.path.join(folder, "elephant.pcap")
            subprocess.run([GENERATE, "elephant", "1", SCALE, capture,
                            os.path.join(folder, "truth.tsv")],
                           check=True, stdout=subprocess.DEVNULL)
            for workers in (2, 4):
                self.assertLess(self.sleeps(capture, workers) * 1000 / N_PACKETS, MAX_SLEEPS)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
