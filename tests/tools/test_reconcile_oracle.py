#!/usr/bin/env python3
"""segmon reconcile beside an oracle that knows what was lost:
test_reconcile_oracle.py SEGMON [unittest options].

SEGMON_RECONCILE_SENSORS says how many random sensors are made up (default 60),
SEGMON_RECONCILE_SEED where the random numbers begin."""
import json
import os
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import reconciling  # noqa: E402
from reconciling import (COMPLETE, INCOMPLETE, KINDS, SEED, UNPROVEN,  # noqa: E402
                         VERDICTS, Sensor)

SENSORS = int(os.environ.get("SEGMON_RECONCILE_SENSORS", "60"))


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


class AgainstAnOracle(reconciling.Reconcile):
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
        run = subprocess.run([reconciling.SEGMON, "reconcile", "-r", self.server.uri, "--json"],
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
    reconciling.main()
