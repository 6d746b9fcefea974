#!/usr/bin/env python3
"""What segmon reconcile proves of files that events went on to:
test_reconcile_files.py SEGMON [unittest options]."""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import reconciling  # noqa: E402
from reconciling import (COMPLETE, INCOMPLETE, KINDS, SEED, UNPROVEN,  # noqa: E402
                         Sensor, event, event_id)


class Files(reconciling.Reconcile):
    """What segmon forward wrote, next to the streams."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "events.ndjson"
        self.sensors = [Sensor("s"), Sensor("t")]
        for sensor in self.sensors:
            for i in range(600):
                sensor.add(KINDS[i * 7 % 10 % 3])
            sensor.end()
            self.write(sensor)

    def forward(self, *options):
        subprocess.run([reconciling.SEGMON, "forward", "-q", "--once", "-r", self.server.uri, "-o", self.path, *options],
                       check=True, timeout=60)

    def compare(self, status, *options):
        run = self.ask(status, "--json", "--file", self.path, *options)
        return json.loads(run.stdout.splitlines()[-1])["files"]

    def assert_counts(self, found, **wanted):
        names = ("missing", "doubled", "waiting", "only_here", "others", "no_events")
        self.assertEqual({name: found[name] for name in names},
                         {name: wanted.get(name, 0) for name in names})

    def test_that_have_every_event_once_are_complete(self):
        self.forward()
        found = self.compare(COMPLETE)
        self.assertEqual((found["lines"], found["events"]), (1202, 1202))
        self.assert_counts(found)
        self.assertIn("files: 1202 lines; of 1202 events in streams 0 are missing, 0 wait to",
                      self.ask(COMPLETE, "--file", self.path).stdout)

    def test_one_of_a_thing_is_told_as_one(self):
        self.server.call("FLUSHALL")
        sensor = Sensor("s")
        for _ in range(22):
            sensor.add("flow")
            sensor.serial["flow"] += 1  # One is missing behind each, but for the last.
        sensor.commands[1][4] = event(event_id("s", sensor.epoch, 99), "flow")
        self.write(sensor)
        self.path.write_text("{}\n")
        text = self.ask(INCOMPLETE, "--file", self.path).stdout
        self.assertIn("s flow: 1 entry does not hold its event\n", text)
        self.assertIn("s: and 1 more place\n", text)
        self.assertIn("files: 1 line; of ", text)
        self.assertIn("files: 1 line is no event\n", text)

    def test_that_lack_events_or_have_them_twice_are_not(self):
        self.forward()
        lines = self.path.read_text().splitlines(True)
        self.path.write_text("".join(lines[:10] + lines[13:] + [lines[700]] * 2))
        found = self.compare(INCOMPLETE)
        self.assert_counts(found, missing=3, doubled=2)
        missing = [json.loads(line)["event"]["id"] for line in lines[10:13]]
        doubled = json.loads(lines[700])["event"]["id"]
        text = self.ask(INCOMPLETE, "--file", self.path).stdout
        self.assertIn(f"files: missing flow {missing[0]} to {missing[2]} (3)\n", text)
        self.assertRegex(text, f"files: doubled [a-z]+ {doubled}\n")

    def test_that_lack_stretches_or_have_them_twice_tell_each_as_a_whole(self):
        """Of a kind: what others come in between is no matter."""
        self.sensors[0].begin_run()
        for _ in range(300):
            self.sensors[0].add("flow")
        self.write(self.sensors[0])
        rng = random.Random(SEED)
        text, wanted = [], []
        for sensor in self.sensors:
            for kind in KINDS:
                open_ = None
                for _, fields in self.server.entries(kind, sensor.name):
                    found = json.loads(fields[b"event"])["event"]["id"]
                    run = found.rsplit("-", 1)[0]
                    if not text or rng.random() < 0.1:
                        times = rng.choice((0, 1, 2, 3))
                    text += [fields[b"event"].decode() + "\n"] * times
                    what = {0: "missing", 1: None}.get(times, "doubled")
                    if open_ and what and (what, run) == (open_[0], open_[1].rsplit("-", 1)[0]):
                        open_[2:] = found, open_[3] + 1
                    else:
                        open_ = [what, found, found, 1] if what else None
                        wanted += [open_] if what else []
        rng.shuffle(text)
        self.path.write_text("".join(text))
        found = self.compare(INCOMPLETE)
        self.assertEqual(sorted([one["what"], event_id(one["sensor"], one["epoch"], one["first"]),
                                 event_id(one["sensor"], one["epoch"], one["last"]), one["events"]]
                                for one in found["findings"]), sorted(wanted))
        self.assertEqual(found["findings_left_out"], 0)
        shown = self.ask(INCOMPLETE, "--file", self.path).stdout
        self.assertIn(f"files: and {len(wanted) - 20} more places\n", shown)

    def test_more_places_than_are_kept_are_counted(self):
        sensor = self.sensors[0]
        for _ in range(3300):
            sensor.add("flow")
        self.write(sensor)
        self.forward("--events", "violation,status")
        with self.path.open("a") as file:
            for i in range(602, 3902, 3):  # Missing is what is before, between and behind them.
                file.write(event(event_id("s", sensor.epoch, i), "flow") + "\n")
        found = self.compare(INCOMPLETE, "--sensor", "s", "-e", "flow")
        self.assertEqual((len(found["findings"]), found["findings_left_out"]), (1000, 101))

    def test_may_be_several(self):
        self.forward()
        lines = self.path.read_text().splitlines(True)
        other = self.path.with_name("other")
        self.path.write_text("".join(lines[::2]))
        other.write_text("".join(lines[1::2]))
        self.assert_counts(self.compare(COMPLETE, "--file", other))
        self.assert_counts(self.compare(INCOMPLETE), missing=601)

    def test_that_are_behind_lack_nothing(self):
        self.forward()
        for _ in range(30):
            self.sensors[0].add("flow")
        self.write(self.sensors[0])
        self.assert_counts(self.compare(COMPLETE), waiting=30)
        self.assert_counts(self.compare(INCOMPLETE, "-g", "another"), missing=30)
        # Handed out, and not acknowledged: it may never have been written.
        self.server.call("XREADGROUP", "GROUP", "forward", "other", "COUNT", "10",
                         "STREAMS", "segmon:{s}:flow", ">")
        self.assert_counts(self.compare(COMPLETE), waiting=30)
        self.forward("--consumer", "other")
        self.assert_counts(self.compare(COMPLETE))

    def test_keep_what_was_trimmed(self):
        self.forward()
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "10")
        found = self.compare(COMPLETE)
        self.assertEqual(found["only_here"], 1202 - found["events"])
        self.assertGreater(found["only_here"], 100)

    def test_of_other_sensors_and_with_broken_lines_are_compared(self):
        self.forward()
        with self.path.open("ab") as file:
            file.write(b"{}\n\0\n\n" + b"x" * (3 << 20) + b"\n[" * 3 + b"\n" + b'{"event":{"id":"half')
        self.assert_counts(self.compare(COMPLETE, "--sensor", "t"), others=601, no_events=8)

    def test_that_are_not_there_prove_nothing(self):
        self.assertIn("cannot be opened", self.ask(UNPROVEN, "--file", self.path).stderr)
        self.assertIn("cannot be read", self.ask(UNPROVEN, "--file", self.path.parent).stderr)


if __name__ == "__main__":
    reconciling.main()
