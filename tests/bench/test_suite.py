#!/usr/bin/env python3
"""test_suite.py [unittest options]: what 'run' and 'curves' make of numbers.  The
numbers are made up."""
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0:0] = [str(HERE), str(HERE.parents[0] / "support")]
sys.dont_write_bytecode = True
sys.path.append(str(HERE.parents[0] / "tools"))
from suite import captures, curves, goals, live_table, plots, policies, programs  # noqa: E402
from suite import ledger, listeners, memory, reloads, rounds, wholeness, wires  # noqa: E402

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
        ("segmon, no DPI", "mix"): result(0.8), ("reading alone", "mix"): result(0.2),
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

    def test_tells_how_much_reading_alone_takes(self):
        self.assertIn("| reading alone | segmon, no DPI | 0.25 |", self.lines)

    def test_compares_memory_with_every_peer(self):
        self.assertIn("| idle: bytes a flow, segmon / ndpiReader | < 100 | 200 | **no** |",
                      self.lines)
        self.assertIn("| idle: bytes a flow, segmon / nfpcapd | < 500 | 200 | yes |", self.lines)


def wire_run(rate, lost=0, told=None):
    return wires.Run(rate, 1000, 1000 - lost, lost if told is None else told, 0, 0.5)


class Search(unittest.TestCase):
    """For the rate at which frames begin to be lost."""

    def search(self, limit, most=100000):
        self.rates = []

        def measure(rate):
            self.rates.append(rate)
            return wire_run(min(rate, most), lost=5 if rate > limit else 0)

        return wires.loss_free(measure, 1000, most, 0.05)

    def test_ends_between_two_rates_that_are_close(self):
        good, bad, best = self.search(33333)
        self.assertLessEqual(good, 33333)
        self.assertGreater(bad, 33333)
        self.assertLessEqual(bad - good, 0.05 * bad)
        self.assertEqual((best.rate, best.lost), (good, 0))

    def test_finds_who_loses_from_the_start(self):
        good, bad, best = self.search(0)
        self.assertEqual(best, None)
        self.assertLessEqual(bad, wires.LEAST)
        self.assertEqual(good, 0)

    def test_ends_at_the_highest_rate_that_can_be_sent(self):
        good, bad, _ = self.search(10 ** 9)
        self.assertEqual((good, bad), (100000, None))
        self.assertLess(len(self.rates), 10)


class Wire(unittest.TestCase):
    def table(self, rates, whole=None):
        results = [live_table.Result(listeners.Listener(name, "n"), good, bad,
                                     wire_run(good or bad), [wire_run(good or bad)])
                   for name, (good, bad) in rates.items()]
        return dict(live_table.goals(results)), results

    def test_goals_are_reached_or_not(self):
        goals_, _ = self.table({"segmon": (200, 210), "suricata": (90, 100),
                                "ndpiReader": (50, 51), "softflowd": (300, 310)})
        self.assertEqual(list(goals_.values()), [True, False, False, True])

    def test_what_the_sender_is_too_slow_for_is_left_open(self):
        goals_, _ = self.table({"segmon": (200, None), "suricata": (150, 160),
                                "softflowd": (300, None)})
        self.assertEqual(list(goals_.values()), [None, None, None, True])

    def test_a_frame_that_is_not_counted_is_a_goal_missed(self):
        _, results = self.table({"segmon": (200, 210)})
        results[0].runs.append(wire_run(100, lost=5, told=4))
        self.assertEqual(dict(live_table.goals(results))
                         ["every frame sent is received or counted, in every run"], False)
        whole = wholeness.Whole(10, ["a flow"], [], 1000, 1000)
        options = mock.Mock(seconds=20, scale="0.1")
        text = live_table.write(options, "x", 2, 1000, results, whole)
        self.assertIn("| **no** |", text)
        self.assertIn("1 flows are missing", text)


class Reloads(unittest.TestCase):
    """Of a policy under load."""

    def result(self, n=20, refused=0, lost=0, told=None, before=0):
        return reloads.Result(1.0, n, refused, wire_run(1000, before),
                              wire_run(1000, lost, told))

    def test_that_cost_no_frame_are_good(self):
        self.assertTrue(self.result().good)
        self.assertTrue(self.result(lost=3, before=3).good)
        self.assertIn("because of them: yes.",
                      reloads.write(self.result(), live_table.rate))

    def test_that_cost_some_or_did_not_happen_are_not(self):
        for bad in (self.result(n=0), self.result(refused=1), self.result(lost=1),
                    self.result(lost=1, told=0, before=1)):
            self.assertFalse(bad.good)
            self.assertIn("**no**", reloads.write(bad, live_table.rate))

    def test_bring_two_policies_in_turn(self):
        with tempfile.TemporaryDirectory() as folder:
            one, other = reloads.Reloaded.two_policies(pathlib.Path(folder))
        self.assertEqual(one.replace("allow", "deny"), other.replace("allow", "deny"))
        changed = sum(a != b for a, b in zip(one.splitlines(), other.splitlines()))
        self.assertEqual(changed, reloads.N_RULES // 2)


class Memory(unittest.TestCase):
    """Of a program that runs on and on."""

    def samples(self, minutes, private):
        """'private': MiB at a second."""
        return [memory.Sample(i, 100 * memory.MIB, round(private(i) * memory.MIB))
                for i in range(minutes * 60)]

    def test_that_fills_and_then_stays_is_none_that_grows(self):
        filling = self.samples(30, lambda i: min(i, 600) / 10 + i % 7 / 5)
        self.assertEqual(memory.mistakes(filling, 200 * memory.MIB, 12), [])
        self.assertLess(abs(memory.slope(filling)), 1)

    def test_that_grows_by_a_byte_for_every_frame_is_found(self):
        leak = self.samples(30, lambda i: 50 + i * 20000 / memory.MIB)
        self.assertAlmostEqual(memory.slope(leak), 20000 * 3600 / memory.MIB, 3)
        found, = memory.mistakes(leak, 200 * memory.MIB, 12)
        self.assertIn("memory grows: +68.7 MiB an hour", found)

    def test_of_a_short_run_is_told_to_be_too_short(self):
        short = self.samples(15, lambda i: i)
        self.assertEqual(memory.mistakes(short, 200 * memory.MIB, 12), [])
        self.assertIn("too short", memory.text(short, 12))

    def test_beyond_its_budget_is_found(self):
        found, = memory.mistakes(self.samples(1, lambda i: 1), 99 * memory.MIB, 12)
        self.assertEqual(found, "memory: 100 MiB, and 99 are the budget")

    def test_is_that_of_a_process(self):
        sample = memory.look(os.getpid(), 1)
        self.assertGreater(sample.resident, sample.private)
        self.assertGreater(sample.private, memory.MIB)


def whole_status():
    counts = {kind: {"emitted": 10, "acked": 7, "dropped": 3, "spooled": 0}
              for kind in ledger.KINDS}
    return {"interfaces": [{"workers": [{"received": 60, "kernel_drops": 1, "unread": 0},
                                        {"received": 40, "kernel_drops": 0, "unread": 2}]}],
            "capture": {"frames": 100, "filtered": 10}, "dissected": {"ok": 80, "not_ip": 10},
            "flows": {"created": 5, "ended": 5, "active": 0}, "outputs": [{"events": counts}]}


class Ledger(unittest.TestCase):
    """What a long run must come to."""

    def mistakes(self, status, surplus=0):
        redis = mock.Mock()
        redis.call = lambda command, key: 7 + surplus + key.endswith("status")
        return ledger.mistakes(status, redis, "s")

    def test_what_was_sent_again_is_in_redis_once(self):
        status = whole_status()
        status["outputs"][0]["events"]["flow"]["acked"] = 9
        self.assertEqual(len(self.mistakes(status)), 2)
        status["outputs"][0]["events"]["flow"]["rewound"] = 2
        self.assertEqual(self.mistakes(status), [])
        status["outputs"][0]["events"]["flow"]["rewound"] = 1
        self.assertEqual(len(self.mistakes(status)), 2)

    def test_what_adds_up_is_no_mistake(self):
        self.assertEqual(self.mistakes(whole_status()), [])
        self.assertEqual(ledger.lost(whole_status()), 3)
        self.assertEqual(ledger.dropped(whole_status()), 9)

    def test_each_step_is_looked_at(self):
        for *path, last in (("capture", "frames"), ("capture", "filtered"), ("dissected", "ok"),
                            ("flows", "created"), ("flows", "ended"), ("flows", "active")):
            status = whole_status()
            status[path[0]][last] += 1
            self.assertTrue(self.mistakes(status), (path, last))
        for what in ("emitted", "acked", "dropped", "spooled"):
            status = whole_status()
            status["outputs"][0]["events"]["flow"][what] += 1
            self.assertTrue(self.mistakes(status), what)

    def test_what_redis_has_twice_or_not_is_told(self):
        for surplus in (-1, 1):
            self.assertEqual(len(self.mistakes(whole_status(), surplus)), 3)


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
