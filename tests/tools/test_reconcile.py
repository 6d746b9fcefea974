#!/usr/bin/env python3
"""What segmon reconcile proves of streams: test_reconcile.py SEGMON [unittest options]."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import reconciling  # noqa: E402
from reconciling import COMPLETE, INCOMPLETE, KINDS, UNPROVEN, USAGE, Sensor, event, event_id  # noqa: E402


class Streams(reconciling.Reconcile):
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


class Hostile(reconciling.Reconcile):
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
        run = subprocess.run([reconciling.SEGMON, "reconcile", "-r", "unix:///nowhere/at/all"],
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


if __name__ == "__main__":
    reconciling.main()
