#!/usr/bin/env python3
"""segmon reconcile on a real Redis: test_reconcile.py SEGMON [unittest options].

SEGMON_RECONCILE_SENSORS says how many random sensors are made up (default 60),
SEGMON_RECONCILE_SEED where the random numbers begin."""
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
SAMPLE = ROOT / "tests/lab/sample/segments.pcap"
POLICY = ROOT / "rules/examples/enterprise-pci-ot.yaml"
KINDS = ("flow", "violation", "status")
COMPLETE, INCOMPLETE, USAGE, UNPROVEN = range(4)
VERDICTS = {COMPLETE: "complete", INCOMPLETE: "incomplete", UNPROVEN: "unproven"}
SENSORS = int(os.environ.get("SEGMON_RECONCILE_SENSORS", "60"))
SEED = os.environ.get("SEGMON_RECONCILE_SEED", "1")


def event_id(sensor, epoch, sequence):
    return f"{sensor}-{epoch:08x}-{sequence:014x}"


def event(name, kind, status=None):
    text = {"@timestamp": "2026-03-10T12:00:07.120331Z", "ecs": {"version": "8.17.0"},
            "event": {"id": name, "sequence": 1, "dataset": f"segmon.{kind}"}}
    if status:
        text["segmon"] = {"status": status}
    return json.dumps(text, separators=(",", ":"))


def gap(kind, first, last, reason="spool_full", after="0-0", before="0-0"):
    return {"cause": "gap", "gap": {"kind": kind, "reason": reason, "missing": last - first + 1,
                                    "first_serial": first, "last_serial": last,
                                    "after": after, "before": before}}


class Sensor:
    """Writes as a sensor does: ids, serials and sequence numbers that grow."""

    def __init__(self, name, key="segmon:{%s}:%s", field="event", serials=True):
        self.name, self.key, self.field, self.serials = name, key, field, serials
        self.ms = 1700000000000
        self.epoch = 0x65000000
        self.commands = [("HSET", "segmon:sensors", name, "0")]
        self.begin_spool()

    def begin_spool(self):
        self.serial = dict.fromkeys(KINDS, 0)
        self.begin_run()

    def begin_run(self):
        self.epoch += 1
        self.sequence = 0

    def next_id(self):
        self.ms += 1
        return f"{self.ms}-0"

    def make(self, kind, status=None):
        """The next event: a command that would write it."""
        self.sequence += 1
        self.serial[kind] += 1
        name = event_id(self.name, self.epoch, self.sequence)
        words = ["XADD", self.key % (self.name, kind), self.next_id(), self.field,
                 event(name, kind, status), "type", kind, "sensor", self.name, "id", name, "v", "1.1"]
        if self.serials:
            words += ["n", str(self.serial[kind])]
        return words

    def make_gap(self, *told, **more):
        """A gap record: a status event of no run, with an id of its own."""
        words = self.make("status", gap(*told, **more))
        self.sequence -= 1
        name = event_id(self.name, 0x5500, self.ms << 12)
        words[words.index("id") + 1] = name
        words[4] = event(name, "status", gap(*told, **more))
        return words

    def add_gap(self, *told, **more):
        self.commands.append(self.make_gap(*told, **more))

    def add(self, kind, status=None):
        self.commands.append(self.make(kind, status))

    def again(self, words):
        self.commands.append(words[:2] + [self.next_id()] + words[3:])

    def end(self):
        self.add("status", {"cause": "end"})


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class Reconcile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="segmon-")
        cls.server = Server(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.folder.cleanup()

    def setUp(self):
        self.server.call("FLUSHALL")

    def send(self, commands):
        """Many commands in one go; returns their answers."""
        text = bytearray()
        for words in commands:
            text += b"*%d\r\n" % len(words)
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                text += b"$%d\r\n%s\r\n" % (len(word), word)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self.server.path)
            with connection.makefile("rb") as reader:
                connection.sendall(text)  # The answers are short: the server holds them.
                answers = [self.server.read(reader) for _ in commands]
        for words, answer in zip(commands, answers):
            if words[0] == "XADD":
                self.assertIn(b"-", answer, words[:3])
        return answers

    def write(self, sensor):
        self.send(sensor.commands)
        sensor.commands = []

    def ask(self, status, *options):
        run = subprocess.run([SEGMON, "reconcile", "-r", self.server.uri, *map(str, options)],
                             capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def report(self, status, *options):
        """The reports of all sensors, by their names, in JSON."""
        run = self.ask(status, "--json", *options)
        *lines, last = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(last["verdict"], VERDICTS[status])
        self.assertEqual(last["sensors"], len(lines))
        return {line["sensor"]: line for line in lines}

    def one(self, status, *options):
        return self.report(status, "--sensor", "s", *options)["s"]

    def findings(self, report, what):
        return [(found.get("kind"), found.get("first"), found.get("last"))
                for found in report["findings"] if found["what"] == what]


class Streams(Reconcile):
    def written(self, **more):
        """Forty flows, ten violations, four status events of one run that ended."""
        sensor = Sensor("s", **more)
        for i in range(40):
            if i % 10 == 0 and i < 30:
                sensor.add("status", {"cause": "interval"})
            sensor.add("flow")
            if i % 4 == 0:
                sensor.add("violation")
        sensor.end()
        return sensor

    def lose(self, sensor, kind, *serials):
        """Takes these out of what is to be written."""
        for i in serials:
            [at] = [words for words in sensor.commands
                    if words[0] == "XADD" and words[6] == kind and words[-1] == str(i)]
            sensor.commands.remove(at)

    def test_that_are_whole_are_proven_complete(self):
        self.write(self.written())
        report = self.one(COMPLETE)
        for kind, n in (("flow", 40), ("violation", 10), ("status", 4)):
            found = report["kinds"][kind]
            self.assertEqual((found["entries"], found["first_serial"], found["last_serial"]), (n, 1, n))
            self.assertEqual((found["missing"], found["doubled"], found["unknown"]), (0, 0, 0))
        self.assertEqual(report["findings"], [])
        self.assertIn("complete: 1 sensor, 54 entries, 0 missing, 0 doubled\n", self.ask(COMPLETE).stdout)

    def test_that_lack_entries_are_not(self):
        sensor = self.written()
        self.lose(sensor, "flow", 7, 8, 9, 31)
        self.lose(sensor, "violation", 1)
        self.write(sensor)
        report = self.one(INCOMPLETE)
        self.assertEqual(sorted(self.findings(report, "missing")),
                         [("flow", 7, 9), ("flow", 31, 31), ("violation", 1, 1)])
        self.assertEqual(report["kinds"]["flow"]["missing"], 4)
        text = self.ask(INCOMPLETE).stdout
        self.assertIn("s flow: missing 7..9 (3), between ", text)
        self.assertIn("incomplete: 1 sensor, 49 entries, 5 missing, 0 doubled\n", text)

    def test_that_lost_entries_and_say_so_are_complete(self):
        sensor = self.written()
        self.lose(sensor, "flow", 7, 8, 9, 31)
        sensor.add_gap("flow", 7, 9)
        sensor.add_gap("flow", 31, 31, "corrupt")
        self.write(sensor)
        report = self.one(COMPLETE)
        self.assertEqual(report["kinds"]["flow"]["told"], {"spool_full": 3, "corrupt": 1})

    def test_that_say_less_than_what_they_lost_are_not(self):
        sensor = self.written()
        self.lose(sensor, "flow", 7, 8, 9, 10)
        sensor.add_gap("flow", 8, 9)
        self.write(sensor)
        self.assertEqual(self.findings(self.one(INCOMPLETE), "missing"),
                         [("flow", 7, 7), ("flow", 10, 10)])

    def test_whose_server_lost_them_without_serials_are_complete(self):
        sensor = self.written()
        self.lose(sensor, "flow", 7, 8, 9)
        sensor.add_gap("flow", 0, 0, "lost_by_server", before=f"{sensor.ms}-0")
        self.write(sensor)
        self.assertEqual(self.one(COMPLETE)["kinds"]["flow"]["told"], {"lost_by_server": 3})

    def test_with_an_entry_twice_are_not(self):
        sensor = self.written()
        sensor.again(sensor.commands[5])
        sensor.again(sensor.commands[5])
        self.write(sensor)
        report = self.one(INCOMPLETE)
        self.assertEqual(report["kinds"]["flow"]["doubled"], 2)
        self.assertEqual(len(self.findings(report, "doubled")), 2)

    def test_with_stretches_twice_tell_each_as_a_whole(self):
        for serials in (True, False):
            with self.subTest(serials=serials):
                self.setUp()
                sensor = Sensor("s", serials=serials)
                for _ in range(9):
                    sensor.add("flow")
                sensor.end()
                first = sensor.ms + 1
                for again in (2, 3, 4, 6, 7, 7):  # The second 7 begins another one.
                    sensor.again(sensor.commands[again])
                self.write(sensor)
                report = self.one(INCOMPLETE)
                self.assertEqual(report["kinds"]["flow"]["doubled"], 6)
                self.assertEqual([(found["first"], found["last"], found["entry"], found.get("last_entry"))
                                  for found in report["findings"] if found["what"] == "doubled"],
                                 [(2, 4, f"{first}-0", f"{first + 2}-0"),
                                  (6, 7, f"{first + 3}-0", f"{first + 4}-0"),
                                  (7, 7, f"{first + 5}-0", None)])
                text = self.ask(INCOMPLETE).stdout
                self.assertIn(f" (3), entries {first}-0 to {first + 2}-0\n", text)
                self.assertIn(f", entry {first + 5}-0\n", text)

    def test_with_the_same_event_under_another_serial_are_not(self):
        sensor = self.written()
        first = next(words for words in sensor.commands if "flow" in words)
        sensor.add("flow")
        sensor.commands[-1][4:11] = first[4:11]
        self.write(sensor)
        self.assertEqual(self.one(INCOMPLETE)["kinds"]["flow"]["doubled"], 1)

    def test_with_an_entry_that_holds_another_event_are_not(self):
        for text in ("{}", event("s-00000001-00000000000001", "flow"), "x", ""):
            with self.subTest(text):
                self.setUp()
                sensor = self.written()
                sensor.add("flow")
                sensor.commands[-1][4] = text
                self.write(sensor)
                self.assertEqual(self.one(INCOMPLETE)["kinds"]["flow"]["deprived"], 1)

    def test_that_were_trimmed_are_complete_from_there_on(self):
        self.write(self.written())
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "13")
        self.assertEqual(self.one(COMPLETE)["kinds"]["flow"]["trimmed"], 27)

    def test_that_lost_their_beginning_without_being_trimmed_are_not(self):
        sensor = self.written()
        self.lose(sensor, "flow", 1, 2, 3)
        self.write(sensor)
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "30")
        report = self.one(INCOMPLETE)["kinds"]["flow"]
        self.assertEqual((report["trimmed"], report["missing"]), (7, 3))

    def test_with_an_entry_deleted_in_the_middle_are_not(self):
        sensor = self.written()
        self.write(sensor)
        middle = self.server.call("XRANGE", "segmon:{s}:flow", "-", "+")[19][0]
        self.server.call("XDEL", "segmon:{s}:flow", middle)
        self.assertEqual(self.findings(self.one(INCOMPLETE), "missing"), [("flow", 20, 20)])

    def test_whose_gap_may_have_been_told_in_what_was_trimmed_prove_nothing(self):
        sensor = self.written()
        self.lose(sensor, "flow", 7)
        self.write(sensor)
        self.server.call("XTRIM", "segmon:{s}:status", "MAXLEN", "1")
        self.assertEqual(self.one(UNPROVEN)["kinds"]["flow"]["unknown"], 1)

    def test_of_several_runs_with_one_spool_are_complete(self):
        sensor = self.written()
        sensor.begin_run()
        for _ in range(10):
            sensor.add("flow")
        sensor.begin_run()
        sensor.add("status", {"cause": "start"})
        sensor.add("violation")
        self.write(sensor)
        report = self.one(COMPLETE)
        self.assertEqual((report["runs"], report["lineages"], report["seams"]), (3, 1, 0))

    def test_of_a_new_spool_are_complete_if_the_run_before_told_its_end(self):
        sensor = self.written()
        sensor.begin_spool()
        sensor.add("status", {"cause": "start"})
        sensor.add("flow")
        self.write(sensor)
        report = self.one(COMPLETE)
        self.assertEqual((report["lineages"], report["seams"], report["open_seams"]), (2, 1, 0))

    def test_of_a_new_spool_prove_nothing_if_it_did_not(self):
        sensor = self.written()
        sensor.commands.pop()
        sensor.begin_spool()
        sensor.add("status", {"cause": "start"})
        sensor.add("flow")
        self.write(sensor)
        report = self.one(UNPROVEN)
        self.assertEqual((report["seams"], report["open_seams"]), (1, 1))
        self.assertEqual(len(self.findings(report, "seam")), 1)

    def test_of_a_new_spool_that_lack_their_first_entries_are_not(self):
        sensor = self.written()
        sensor.begin_spool()
        sensor.add("status", {"cause": "start"})
        for _ in range(60):
            sensor.add("flow")
        del sensor.commands[-60:-10]
        self.write(sensor)
        self.assertEqual(self.findings(self.one(INCOMPLETE), "missing"), [("flow", 1, 50)])

    def test_that_lack_a_numbered_event_that_had_no_serial_prove_nothing(self):
        sensor = self.written()
        sensor.sequence += 3
        sensor.add("flow")
        self.write(sensor)
        self.assertEqual(self.one(UNPROVEN)["unaccounted"], 3)

    def test_with_events_that_were_counted_as_dropped_are_complete(self):
        sensor = self.written()
        sensor.sequence += 3
        counted = {kind: {"dropped": 5 if kind == "flow" else 0, "refused": 2 if kind == "flow" else 0}
                   for kind in KINDS}
        sensor.add("status", {"cause": "interval", "outputs": [
            {"name": self.server.uri, "events": counted}, {"name": "events.ndjson", "events": {}}]})
        self.write(sensor)
        report = self.one(COMPLETE)["kinds"]["flow"]
        self.assertEqual((report["counted_refused"], report["counted_dropped"]), (2, 5))
        self.assertIn("2 events were counted as lost in full queues", self.ask(COMPLETE).stdout)

    def test_of_kinds_that_were_asked_for_are_judged(self):
        sensor = self.written()
        self.lose(sensor, "flow", 5)
        self.write(sensor)
        report = self.one(COMPLETE, "-e", "violation,status")
        self.assertEqual(set(report["kinds"]), {"violation", "status"})
        self.one(INCOMPLETE, "-e", "flow")

    def test_are_judged_in_part(self):
        sensor = self.written()
        self.lose(sensor, "flow", 5)
        self.write(sensor)
        ids = {int(dict(zip(words[::2], words[1::2]))[b"n"]): name.decode()
               for name, words in self.server.call("XRANGE", "segmon:{s}:flow", "-", "+")}
        self.one(COMPLETE, "--from", ids[6])
        self.one(COMPLETE, "--to", ids[4])
        self.one(INCOMPLETE, "--from", ids[4])
        self.one(INCOMPLETE, "--from", ids[4], "--to", ids[6])
        self.one(INCOMPLETE, "--to", "2099-01-01T00:00:00Z")
        self.one(COMPLETE, "--from", "2023-11-14T22:13:20.020Z", "--to", "1m")
        self.one(UNPROVEN, "--from", "2099-01-01T00:00:00Z")

    def test_under_other_keys_and_fields_are_found(self):
        sensor = self.written(key="x:%s:%s", field="body")
        self.write(sensor)
        self.one(UNPROVEN)
        self.one(COMPLETE, "--key", "x:{sensor}:{type}", "--field", "body")
        self.one(INCOMPLETE, "--key", "x:{sensor}:{type}")

    def test_that_kinds_and_sensors_share_are_told_apart(self):
        both = [Sensor(name, key="all%.0s%.0s") for name in ("s", "t")]
        for i in range(200):
            sensor = both[i * 7 % 3 % 2]
            sensor.ms = max(one.ms for one in both)
            sensor.add(KINDS[i * 5 % 3])
            both[0].commands.append(sensor.commands.pop())
        self.write(both[0])
        report = self.report(COMPLETE, "--key", "all", "--sensor", "s", "--sensor", "t")
        self.assertEqual(sum(kind["entries"] for one in report.values() for kind in one["kinds"].values()), 200)

    def test_of_all_sensors_are_told(self):
        for name in ("s", "t", "u"):
            sensor = Sensor(name)
            sensor.add("flow")
            self.write(sensor)
        self.assertEqual(sorted(self.report(COMPLETE)), ["s", "t", "u"])
        self.server.call("DEL", "segmon:{t}:flow")
        self.assertEqual({name: one["verdict"] for name, one in self.report(UNPROVEN).items()},
                         {"s": "complete", "t": "unproven", "u": "complete"})
        self.assertEqual(sorted(self.report(COMPLETE, "--sensor", "u,s")), ["s", "u"])

    def test_without_serials_are_judged_by_the_ids_of_events(self):
        self.write(self.written(serials=False))
        report = self.one(COMPLETE)
        self.assertEqual(report["kinds"]["flow"]["unserialed"], 40)
        self.assertIn("entries have no serial", self.ask(COMPLETE).stdout)

    def test_without_serials_that_lack_events_are_not_complete(self):
        sensor = self.written(serials=False)
        del sensor.commands[10:13]
        self.write(sensor)
        self.assertEqual(self.one(INCOMPLETE)["without_serials"]["missing"], 3)
        self.server.call("DEL", "segmon:{s}:violation")  # Of which kind were they?
        self.assertEqual(self.one(UNPROVEN)["without_serials"]["unknown"], 13)

    def test_without_serials_that_were_trimmed_are_complete_from_there_on(self):
        self.write(self.written(serials=False))
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "13")
        self.assertEqual(self.one(COMPLETE)["without_serials"]["trimmed"], 27)

    def test_that_begin_without_serials_and_go_on_with_them_are_judged_by_both(self):
        sensor = self.written(serials=False)
        sensor.serials = True
        sensor.begin_spool()
        for _ in range(20):
            sensor.add("flow")
        self.write(sensor)
        report = self.one(COMPLETE)
        self.assertEqual((report["seams"], report["open_seams"]), (1, 0))


class Files(Reconcile):
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
        subprocess.run([SEGMON, "forward", "-q", "--once", "-r", self.server.uri, "-o", self.path, *options],
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


class Hostile(Reconcile):
    def test_entries_of_others_are_counted_and_passed(self):
        sensor = Sensor("s")
        for i in range(30):
            sensor.add("flow")
            name = event_id("s", sensor.epoch, 1)
            for fields in (["x", "y"], ["event", "{"], ["event", "[" * 5000, "id", name, "type", "x"],
                           ["event", b"\0\0", "id", b"\0", "n", b"\0"], ["n", "1"],
                           ["event", "{}", "type", "flow", "sensor", "s", "id", "s-1-2", "n", "1"],
                           ["event", "{}", "type", "flow", "sensor", "t", "id", name, "n", "1"],
                           ["event", "{}", "type", "flow", "sensor", "s", "id", name + "\0", "n", "1"],
                           ["event", event(name, "flow"), "type", "flow", "sensor", "s", "id", name,
                            "n", ("18446744073709551615", "0", "-1", "1e3", " 1", "", "9" * 100,
                                  b"1\0", "99999999999999999999")[i % 9]]):
                sensor.commands.append(["XADD", "segmon:{s}:flow", sensor.next_id(), *fields])
        self.write(sensor)
        report = self.one(COMPLETE)["kinds"]["flow"]
        self.assertEqual((report["foreign"], report["entries"]), (270, 300))

    def test_entries_of_a_megabyte_are_read(self):
        sensor = Sensor("s")
        for _ in range(80):
            sensor.add("flow")
            sensor.commands.append(["XADD", "segmon:{s}:flow", sensor.next_id(), "event", "x" * (1 << 20)])
        self.write(sensor)
        report = self.one(COMPLETE)["kinds"]["flow"]
        self.assertEqual((report["foreign"], report["last_serial"]), (80, 80))

    def test_absurd_numbers_cost_no_time(self):
        sensor = Sensor("s")
        for i in range(400):
            sensor.add("flow")
            sensor.serial["flow"] += 1 << (i % 50)
            sensor.sequence += 1 << (i % 46)
        self.write(sensor)
        self.assertGreater(self.one(INCOMPLETE)["kinds"]["flow"]["missing"], 1 << 50)

    def test_gaps_that_tell_nonsense_explain_nothing(self):
        sensor = Sensor("s")
        sensor.add("flow")
        sensor.serial["flow"] += 1
        sensor.sequence += 1
        sensor.add("flow")
        for nonsense in ({"kind": "flow"}, {"kind": "x", "first_serial": 2, "last_serial": 2},
                         {"kind": "flow", "first_serial": 3, "last_serial": 2}, [], 1, None,
                         {"kind": "flow", "first_serial": -2, "last_serial": 1e30},
                         {"kind": "flow", "first_serial": "2", "last_serial": "2"},
                         {"kind": "flow", "first_serial": 2, "last_serial": 9223372036854775807}):
            sensor.add_gap("flow", 2, 2)
            name = sensor.commands[-1][sensor.commands[-1].index("id") + 1]
            sensor.commands[-1][4] = event(name, "status", {"cause": "gap", "gap": nonsense})
        self.write(sensor)
        self.assertEqual(self.findings(self.one(INCOMPLETE), "missing"), [("flow", 2, 2)])

    def test_more_runs_and_holes_than_are_kept_prove_nothing(self):
        sensor = Sensor("s")
        for i in range(5000):
            sensor.begin_spool()
            sensor.add("flow")
        self.write(sensor)
        self.assertGreater(self.one(UNPROVEN)["kinds"]["flow"]["untracked"], 0)

    def test_keys_that_are_no_streams_are_told(self):
        self.server.call("HSET", "segmon:sensors", "s", "0")
        self.server.call("SET", "segmon:{s}:flow", "x")
        self.assertIn("WRONGTYPE", self.ask(UNPROVEN).stdout)

    def test_no_server_and_no_sensors_prove_nothing(self):
        self.ask(UNPROVEN)
        run = subprocess.run([SEGMON, "reconcile", "-r", "unix:///nowhere/at/all"],
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, UNPROVEN)
        self.assertIn("segmon reconcile: ", run.stderr)

    def test_the_rights_that_the_manual_names_are_enough(self):
        page = (ROOT / "tools/segmon.1").read_text()
        words = re.search(r"^ACL SETUSER viewer (.*?)^\.Ed", page, re.MULTILINE | re.DOTALL)[1].split()
        more = re.search(r"^\.Cm reconcile\nneeds\n(.*?)^\.Sh", page, re.MULTILINE | re.DOTALL)[1]
        sensor = Sensor("s")
        sensor.add("flow")
        self.write(sensor)
        self.server.call("ACL", "SETUSER", "viewer", *words, *re.findall(r"\+[\w|]+", more))
        file = pathlib.Path(self.folder.name) / "rights.ndjson"
        file.write_text(event(event_id("s", sensor.epoch, 1), "flow") + "\n")
        for options in ([], ["--from", "0-1", "--to", "1m"], ["--file", file]):
            self.ask(COMPLETE, "-r", f"unix://viewer:password@{self.server.path}", *options)

    def test_mistakes_are_told(self):
        for options in (["x"], ["--from", "x"], ["--sensor", "a b"], ["--spool", "/tmp"], ["--nonsense"],
                        ["--from", "5-0", "--to", "4-0"], ["--key", ""], ["--field", ""], ["-e", "x"],
                        ["--key", "k" * 300], ["-r", "http://x"]):
            with self.subTest(options):
                self.assertNotEqual(self.ask(USAGE, *options).stderr, "")


class Truth:
    """A sensor that loses, doubles and trims at random, and what came of each event."""

    def __init__(self, name, chance):
        self.chance, self.sensor = chance, Sensor(name)
        self.lineages = []  # Each: {"told": {kind: set}, "ended": bool}
        self.made = []  # (lineage, kind, serial, epoch, sequence), of every event.
        self.entries = []  # (lineage, kind, serial, gap or None, words), as they are in Redis.
        self.style = {what: chance.random() < often for what, often in
                      (("holes", .5), ("gaps", .6), ("doubles", .3), ("seams", .5), ("foreign", .4))}
        for i in range(chance.randint(1, 4 if self.style["seams"] else 1)):
            if i:
                self.sensor.begin_spool()
            self.lineages.append({"ended": False})
            for j in range(chance.randint(1, 3)):
                if j:
                    self.sensor.begin_run()
                self.run()

    def run(self):
        chance, sensor = self.chance, self.sensor
        self.put("status", {"cause": "start"})
        for _ in range(chance.randint(0, 60)):
            kind = chance.choices(KINDS, (8, 3, 1))[0]
            what = chance.random()
            if what < .06 and self.style["gaps"]:
                self.lose_and_tell(kind, chance.randint(1, 5))
            elif what < .10 and self.style["holes"]:
                for _ in range(chance.randint(1, 4)):
                    self.make(kind)
            elif what < .13 and self.style["doubles"]:
                words = chance.choice(self.entries)
                words = words[:4] + (words[4][:2] + [sensor.next_id()] + words[4][3:],)
                self.entries.append(words)
            elif what < .16 and self.style["foreign"]:
                self.entries.append((None, kind, 0, None,
                                     ["XADD", sensor.key % (sensor.name, kind), sensor.next_id(), "a", "b"]))
            else:
                self.put(kind, {"cause": "interval"} if kind == "status" else None)
        self.lineages[-1]["ended"] = chance.random() < .7
        if self.lineages[-1]["ended"]:
            self.put("status", {"cause": "end"})

    def make(self, kind, status=None):
        words = self.sensor.make(kind, status)
        self.made.append((len(self.lineages) - 1, kind, self.sensor.serial[kind],
                          self.sensor.epoch, self.sensor.sequence))
        return words

    def put(self, kind, status=None):
        words = self.make(kind, status)
        self.entries.append((len(self.lineages) - 1, kind, self.sensor.serial[kind], None, words))

    def lose_and_tell(self, kind, n):
        first = self.sensor.serial[kind] + 1
        for _ in range(n):
            self.make(kind)
        told = (kind, first, first + n - 1)
        self.entries.append((len(self.lineages) - 1, "status", self.sensor.serial["status"] + 1, told,
                             self.sensor.make_gap(*told)))

    def expected(self, left, removed):
        """What can be said, an event at a time.  'left' are the entries in Redis."""
        above = {kind: max((id_of(words) for _, of, _, _, words in self.entries if of == kind),
                           default=(0, 0)) + (1,) for kind in KINDS}
        first_id = {kind: min((id_of(words) for _, of, _, _, words in left if of == kind),
                              default=above[kind]) for kind in KINDS}
        shown = sorted({lineage for lineage, *_ in left if lineage is not None})
        tally = {kind: dict.fromkeys(("missing", "unknown", "trimmed", "told"), 0) for kind in KINDS}
        budget = dict(removed)
        for lineage in shown:
            for kind in KINDS:
                here = {}
                for of, of_kind, serial, _, words in left:
                    if of == lineage and of_kind == kind:
                        here.setdefault(serial, id_of(words))
                told = {serial for of, _, _, gap_, _ in left if of == lineage and gap_ and gap_[0] == kind
                        for serial in range(gap_[1], gap_[2] + 1)}
                for serial in range(1, max([*here, *told], default=0) + 1):
                    if serial in here:
                        continue
                    behind, other = None, min((of for of in here if of > serial), default=0)
                    while other in here:  # The least id of those that follow each other.
                        behind = min(here[other], behind or here[other])
                        other += 1
                    is_head = lineage == shown[0] and all(other > serial for other in here)
                    if serial in told:
                        what = "told"
                    elif is_head and budget[kind]:
                        budget[kind] -= 1
                        what = "trimmed"
                    elif behind and removed["status"] and first_id["status"] > behind:
                        what = "unknown"
                    else:
                        what = "missing"
                    tally[kind][what] += 1
        doubled = sum(len([1 for entry in left if entry[0] is not None and entry[1] == kind]) -
                      len({entry[:3] for entry in left if entry[0] is not None and entry[1] == kind})
                      for kind in KINDS)
        open_seams = sum(not self.lineages[lineage]["ended"] for lineage in shown[:-1])
        return tally, doubled, open_seams, bool(shown)

    def unaccounted(self):
        """Events that were lost behind all that is known of their kind, but not of their run."""
        stored = {entry[:3] for entry in self.entries}
        names = {words[words.index("id") + 1][-23:] for lineage, *_, words in self.entries
                 if lineage is not None}
        last = {}
        for lineage, kind, serial, told, _ in self.entries:
            for of, n in ((kind, serial), *([(told[0], told[2])] if told else [])):
                last[lineage, of] = max(last.get((lineage, of), 0), n)
        return sum((lineage, kind, serial) not in stored and serial > last.get((lineage, kind), 0) and
                   any(name > f"{epoch:08x}-{sequence:014x}" and name[:8] == f"{epoch:08x}" for name in names)
                   for lineage, kind, serial, epoch, sequence in self.made)

    def is_clear(self, left):
        """Whether it can be seen where each new spool begins, and what was first."""
        shown = sorted({lineage for lineage, *_ in left if lineage is not None})
        serials = {lineage: {kind: [entry[2] for entry in left if entry[:2] == (lineage, kind)]
                             for kind in KINDS} for lineage in shown}
        ends = all(any(entry[0] == lineage and '"end"' in entry[4][4] for entry in left) ==
                   self.lineages[lineage]["ended"] for lineage in shown[:-1])
        firsts = {}
        for _, _, _, told, words in sorted((entry for entry in left if entry[0] is not None),
                                           key=lambda entry: id_of(entry[4])):
            if told:
                continue
            firsts.setdefault(words[words.index("id") + 1][-23:-15])
        # Of what is there twice, the first is not gone: else it would seem to be out of order.
        ends = ends and all(any(entry[:3] == other[:3] and not any(other is one for one in left)
                                for other in self.entries) is False
                            for entry in left if entry[0] is not None)
        return ends and list(firsts) == sorted(firsts) and all(
            any(serials[a][kind] and serials[b][kind] and min(serials[b][kind]) <= max(serials[a][kind])
                for kind in KINDS) for a, b in zip(shown, shown[1:]))


def id_of(words):
    return tuple(map(int, words[2].split("-")))


class AgainstAnOracle(Reconcile):
    """Random sensors, and a count of every event one by one."""

    def trim(self, truth):
        """At random, and by the server itself; what is left, and how many went."""
        left, removed = list(truth.entries), dict.fromkeys(KINDS, 0)
        how = truth.chance.random()
        for kind in KINDS:
            of = [entry for entry in left if entry[1] == kind]
            if how < .5 or (how < .75 and kind != "flow") or not of:
                continue
            n = truth.chance.randint(0, len(of))
            self.server.call("XTRIM", "segmon:{%s}:%s" % (truth.sensor.name, kind), "MAXLEN", len(of) - n)
            removed[kind] = n
            gone = sorted(of, key=lambda entry: id_of(entry[4]))[:n]
            left = [entry for entry in left if not any(entry is one for one in gone)]
        return left, removed

    def test_every_verdict_is_the_same(self):
        truths = [Truth(f"r{i}", random.Random(f"{SEED} {i}")) for i in range(SENSORS)]
        states = []
        for truth in truths:
            self.send(truth.sensor.commands + [entry[4] for entry in truth.entries])
            states.append(self.trim(truth))
        run = subprocess.run([SEGMON, "reconcile", "-r", self.server.uri, "--json"],
                             capture_output=True, text=True, timeout=300)
        reports = {line["sensor"]: line for line in map(json.loads, run.stdout.splitlines())
                   if "sensor" in line}
        seen = dict.fromkeys(VERDICTS.values(), 0)
        for truth, (left, removed) in zip(truths, states):
            if truth.is_clear(left):
                with self.subTest(truth.sensor.name):
                    report = reports[truth.sensor.name]
                    self.compare(truth, left, removed, report)
                    seen[report["verdict"]] += 1
        self.assertTrue(all(seen.values()), seen)
        self.assertGreater(sum(seen.values()), SENSORS * .6)

    def compare(self, truth, left, removed, report):
        tally, doubled, open_seams, has_some = truth.expected(left, removed)
        for kind in KINDS:
            found = report["kinds"][kind]
            self.assertEqual({**tally[kind], "told": 0} | {"told": tally[kind]["told"]},
                             {what: found[what] for what in ("missing", "unknown", "trimmed")} |
                             {"told": sum(found["told"].values())}, kind)
        self.assertEqual(sum(found["doubled"] for found in report["kinds"].values()), doubled)
        self.assertEqual(report["open_seams"], open_seams)
        lost = truth.unaccounted() if {kind for _, kind, *_ in truth.entries} == set(KINDS) else 0
        self.assertLessEqual(report["unaccounted"], lost)
        if report["runs"] == 1 and not any(removed.values()):
            self.assertEqual(report["unaccounted"], lost)
        bad = doubled or any(of["missing"] for of in tally.values())
        open_ = open_seams or any(of["unknown"] for of in tally.values()) or not has_some or report["unaccounted"]
        self.assertEqual(report["verdict"],
                         VERDICTS[INCOMPLETE if bad else UNPROVEN if open_ else COMPLETE])


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
