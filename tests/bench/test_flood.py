#!/usr/bin/env python3
"""test_flood.py SEGMON FLOOD MEASURE|- [SYNS] [unittest options]: a flood of SYNs over
the traffic of the sample capture.  Memory stays under its cap, the sample's
conversations and violations are told as without the flood, and the flood itself is
told in a few events.  With SYNS it is a measurement: ten million take a minute.  "-":
what is resident is not the program's own."""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.dont_write_bytecode = True
import ladder  # noqa: E402

SAMPLE = ROOT / "tests/lab/sample/segments.pcap"
POLICY = ROOT / "rules/examples/enterprise-pci-ot.yaml"
SEGMON = FLOOD = MEASURE = None
SYNS = 200000
FLOWS_PER_ROOM = 10  # Flows of the flood for each one the table has room for,
BYTES_PER_ROOM = 256  # and what is more than one takes.
OTHER_MEMORY = 160 << 20  # The least that --memory takes for all else, and a little.
QUIET_S = 200  # Until an emergency is over.
MAX_EVENTS = 100  # About the flood.


class Run:
    """A replay's events, and what it cost."""

    def __init__(self, *options, flood=None):
        with tempfile.TemporaryDirectory() as folder:
            report, out = pathlib.Path(folder, "report"), pathlib.Path(folder, "events")
            command = [SEGMON, "replay", "-q", "-p", str(POLICY), "-o", str(out), *options]
            if MEASURE != "-":
                command = [MEASURE, str(report), *command]
            start = time.monotonic()
            if flood:
                with subprocess.Popen([FLOOD, *flood, str(SAMPLE)],
                                      stdout=subprocess.PIPE) as writer:
                    subprocess.run([*command, "-"], stdin=writer.stdout, check=True)
            else:
                subprocess.run([*command, str(SAMPLE)], check=True)
            self.seconds = time.monotonic() - start
            self.events = [json.loads(line) for line in out.read_text().splitlines()]
            self.rss = int(report.read_text().split()[3]) << 10 if MEASURE != "-" else 0
        self.status = self.events[-1]["segmon"]["status"]

    def of(self, kind):
        return [e for e in self.events if e["event"]["dataset"] == f"segmon.{kind}"]

    def conversations(self):
        """What is said of each flow that something came of."""
        return {ends(e): said(e) for e in self.of("flow")
                if e["segmon"]["record"] == "end"
                and e["segmon"]["outcome"] in ("established", "data")}

    def violations(self):
        """The last outcome told of each violation."""
        return {e["segmon"]["violation"]["id"]: (e["rule"]["id"], e["segmon"]["outcome"])
                for e in self.of("violation")}


def ends(event):
    return (event["network"]["iana_number"], event["event"]["start"],
            event["source"]["ip"], event["source"].get("port"),
            event["destination"]["ip"], event["destination"].get("port"))


def said(event):
    """All but where it was in the capture, and why its last record was made."""
    segmon = {key: value for key, value in event["segmon"].items()
              if key not in ("flow_id", "pcap")}
    return {"segmon": segmon, "rule": event["rule"], "source": event["source"],
            "destination": event["destination"], "network": event["network"],
            "observer": event["observer"], "end": event["event"]["end"]}


class Flood(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = SYNS // FLOWS_PER_ROOM
        flow_memory = cls.room * BYTES_PER_ROOM + (4 << 20)
        cls.cap = OTHER_MEMORY + flow_memory
        cls.alone = Run()
        cls.mixed = Run("--max-flows", str(cls.room), "--flow-memory", str(flow_memory),
                      "--memory", str(cls.cap), flood=["-q", str(QUIET_S), str(SYNS)])

    def test_memory_stays_under_its_cap(self):
        for event in self.mixed.of("status"):
            told = event["segmon"]["status"].get("emergency", {})
            self.assertLessEqual(told.get("bytes", 0), told.get("max_bytes", 0))
        self.assertLessEqual(self.mixed.rss, self.cap)

    def test_conversations_are_told_as_without_the_flood(self):
        alone, flooded = self.alone.conversations(), self.mixed.conversations()
        self.assertGreater(len(alone), 50)
        for flow, what in alone.items():
            with self.subTest(flow=flow):
                self.assertEqual(flooded.get(flow), what)
        self.assertEqual(len(flooded), len(alone))

    def test_violations_are_told_as_without_the_flood(self):
        alone, flooded = self.alone.violations(), self.mixed.violations()
        self.assertGreater(len(alone), 50)
        for violation, what in alone.items():
            with self.subTest(violation=what):
                self.assertEqual(flooded.get(violation), what)

    def test_detectors_find_what_they_find_without_the_flood(self):
        alone, flooded = (r.status["detectors"]["detections"] for r in (self.alone, self.mixed))
        self.assertGreater(alone["scan"], 0)
        self.assertEqual(flooded, alone)

    def test_the_flood_is_told_in_a_few_events(self):
        others = [e for e in self.mixed.events if not self.is_of_the_sample(e)]
        self.assertLess(len(others), MAX_EVENTS)
        together = [e["segmon"]["collapsed"] for e in others if "collapsed" in e["segmon"]]
        self.assertGreater(max(c["flows"] for c in together), SYNS * 99 // 100)
        crowd = [e["segmon"]["violation"] for e in others
                 if e["segmon"].get("violation", {}).get("collapsed_over") == "sources"]
        self.assertEqual([c["kind"] for c in crowd],
                         ["collapsed"] + ["update"] * (len(crowd) - 1))
        self.assertGreater(crowd[-1]["count"], SYNS // 11)

    def is_of_the_sample(self, event):
        """A flow or violation there was without the flood."""
        if "violation" in event["segmon"]:
            return event["segmon"]["violation"]["id"] in self.alone.violations()
        return (event["segmon"].get("record") == "end" and
                ends(event) in {ends(e) for e in self.alone.of("flow")})

    def test_the_emergency_is_told_when_it_begins_and_when_it_is_over(self):
        states = [e["segmon"]["status"]["emergency"]["state"] for e in self.mixed.of("status")
                  if "emergency" in e["segmon"]["status"]]
        self.assertEqual(states, ["entered", "left"])

    def test_every_flow_is_in_a_record_of_its_own_or_in_one_of_many(self):
        flows = self.mixed.status["flows"]
        records = collections.Counter(e["segmon"]["record"] for e in self.mixed.of("flow"))
        together = sum(e["segmon"]["collapsed"]["flows"] for e in self.mixed.of("flow")
                       if e["segmon"]["record"] == "collapsed")
        self.assertEqual(flows["ended"], records["end"] + together)
        self.assertEqual(flows["collapsed"], together)
        self.assertEqual(flows["created"], flows["ended"])
        self.assertGreaterEqual(flows["created"], SYNS)
        self.assertEqual(ladder.wrong(self.mixed.status), [])
        self.assertEqual(ladder.wrong(self.alone.status), [])

    @classmethod
    def tearDownClass(cls):
        if SYNS > 1000000:
            kinds = collections.Counter(e["event"]["dataset"] for e in cls.mixed.events)
            print(f"{SYNS} SYNs: {cls.mixed.seconds:.1f} s, {cls.mixed.rss >> 20} MiB resident "
                  f"({cls.alone.rss >> 20} alone, cap {cls.cap >> 20}), "
                  f"{len(cls.mixed.events)} events ({len(cls.alone.events)} alone): "
                  f"{dict(kinds)}", file=sys.stderr)


if __name__ == "__main__":
    SEGMON, FLOOD, MEASURE = sys.argv[1:4]
    del sys.argv[1:4]
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        SYNS = int(sys.argv.pop(1))
    unittest.main()
