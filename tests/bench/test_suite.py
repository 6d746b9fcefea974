#!/usr/bin/env python3
"""test_suite.py [unittest options]: what 'run' and 'curves' make of numbers.  The
numbers are made up."""
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from suite import captures, curves, goals, plots, policies, programs, rounds  # noqa: E402

CURVE = curves.Curve("Rules", "Why.", ("rules", "ns/packet"), [[10, 900.0], [100, 950.5], [1000, None]],
                     (curves.Plot("rules", "rules", "CPU ns", (("packet", 1),)),))


def result(seconds, peak_kib=1000):
    return rounds.Result(seconds, seconds, seconds, seconds, peak_kib, 1, 0)


def figures():
    known = [programs.Program("segmon", ""), programs.PEERS[0], programs.Nfpcapd("nfpcapd", "")]
    known[0].peer = False
    made = [captures.Capture("mix", None, 100, 10), captures.Capture("idle", None, 100, 1024)]
    return goals.Figures(known, made, {
        ("segmon", "mix"): result(1.0), ("ndpiReader", "mix"): result(5.0),
        ("segmon", "empty"): result(0.1, 100), ("segmon", "idle"): result(1.0, 300),
        ("ndpiReader", "empty"): result(0.1, 50), ("ndpiReader", "idle"): result(9.0, 150),
        ("nfpcapd", "empty"): result(0.1, 500), ("nfpcapd", "idle"): result(9.0, 500)},
        {("segmon", "mix"): 600, ("segmon, no output", "mix"): 510,
         ("ndpiReader", "mix"): 1000})


class Goals(unittest.TestCase):
    def setUp(self):
        with mock.patch.object(goals, "events_per_second", return_value=1000000):
            self.lines = goals.table(figures(), None).splitlines()

    def test_tells_yes_and_no(self):
        self.assertIn("| mix: CPU / ndpiReader's | ≤ 0.25 | 0.20 | yes |", self.lines)
        self.assertIn("| mix: instructions / ndpiReader's | ≤ 0.50 | 0.60 | **no** |", self.lines)
        self.assertIn("| mix: instructions for NDJSON | ≤ 0.10 | 0.15 | **no** |", self.lines)

    def test_leaves_open_what_was_not_measured(self):
        self.assertIn("| flows: CPU / ndpiReader's | ≤ 0.25 | not measured | - |", self.lines)

    def test_compares_memory_with_every_peer(self):
        self.assertIn("| idle: bytes a flow, segmon / ndpiReader | < 100 | 200 | **no** |",
                      self.lines)
        self.assertIn("| idle: bytes a flow, segmon / nfpcapd | < 500 | 200 | yes |", self.lines)


class Policies(unittest.TestCase):
    def test_segments_make_up_the_whole(self):
        for n in (1, 10, 64, 1000):
            parts = policies.parts(n)
            self.assertEqual(len(parts), n)
            at = policies.WHOLE[0]
            for first, bits in sorted(parts):
                self.assertEqual(first, at)
                at += 1 << 32 - bits
            self.assertEqual(at, policies.WHOLE[0] + (1 << 32 - policies.WHOLE[1]))


class Plots(unittest.TestCase):
    def test_a_table_stands_without_a_plot(self):
        with mock.patch("shutil.which", return_value=None):
            page = plots.markdown(CURVE)
            plots.draw(CURVE, pathlib.Path("/nowhere"))
        self.assertIn("gnuplot is missing", page)
        self.assertIn("| 100 | 950 |\n| 1,000 | - |", page)

    @unittest.skipUnless(plots.shutil.which("gnuplot"), "gnuplot is missing")
    def test_a_plot_is_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            plots.draw(CURVE, pathlib.Path(folder))
            self.assertIn("<svg", (pathlib.Path(folder) / "curves-rules.svg").read_text())
        self.assertIn("(curves-rules.svg)", plots.markdown(CURVE))


if __name__ == "__main__":
    unittest.main()
