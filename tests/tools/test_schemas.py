#!/usr/bin/env python3
"""segmon forward --schema, from a real Redis: test_schemas.py SEGMON SAMPLES [unittest options].

SAMPLES has an event of every kind, with every property.  What comes out is compared with what
the schemas want, as schemas.py has it, and with what went in.  Skipped without redis-server."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parents[1] / "tools/forward")]
import manual  # noqa: E402
import packets as p  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402
import schemas  # noqa: E402

SEGMON = SAMPLES = None
CHECKS = {"ocsf": schemas.check_ocsf, "asim": schemas.check_asim}
RESTS = {"ocsf": "unmapped", "asim": "AdditionalFields"}
# The same in every record of a kind; see segmon-schemas(5).
SAID = {"ecs.version", "event.kind", "event.category", "event.type", "observer.type"}
GOLDEN = HERE / "forward/samples"
OLD_SAMPLES = HERE / "event/samples/events-1.0.ndjson"


def kind_of(event):
    kind = event["event"]["dataset"].removeprefix("segmon.").upper()
    return "COLLAPSED" if event["segmon"].get("record") == "collapsed" else kind


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, path + (name,))
    else:
        yield ".".join(path), value


def at(value, path):
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if len(value) > int(name) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class Schemas(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server(folder.name)
        self.addCleanup(self.server.kill)

    def forward(self, lines, schema, *more):
        """What becomes of these lines, and what is said of that."""
        stream = "segmon:{lab}:flow"
        self.server.call("DEL", stream)
        for line in lines:
            self.server.call("XADD", stream, "*", "event", line)
        run = subprocess.run(
            [SEGMON, "forward", "-r", self.server.uri, "--sensor", "lab", "-o", "-", "--once",
             "--schema", schema, *more], capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.server.call("XPENDING", stream, "forward")[0], 0)
        return run.stdout.decode().splitlines(), run.stderr.decode()

    def samples(self):
        return pathlib.Path(SAMPLES).read_text().splitlines()

    def replayed(self):
        """Events of real conversations: answered, refused, never answered."""
        frames = []
        for i in range(40):
            ends = ("10.1.0.1", 2000 + i, "10.2.0.1", 80)
            frames.append(p.tcp(*ends, p.SYN))
            if i % 3 == 1:
                frames.append(p.tcp(*ends[2:], *ends[:2], p.RST | p.ACK))
        (self.folder / "a.pcap").write_bytes(p.pcap(frames))
        subprocess.run([SEGMON, "replay", "-q", "-o", self.folder / "a.ndjson",
                        self.folder / "a.pcap"], check=True, timeout=60)
        return (self.folder / "a.ndjson").read_text().splitlines()

    def test_every_record_is_valid_and_there_is_one_for_each_event(self):
        for lines in (self.samples(), self.replayed()):
            self.assertEqual(self.forward(lines, "ecs")[0], lines)
            for schema, check in CHECKS.items():
                records, _ = self.forward(lines, schema)
                self.assertEqual(len(records), len(lines))
                for line, text in zip(lines, records):
                    event, record = json.loads(line), json.loads(text)
                    if schema == "asim" and kind_of(event) == "STATUS":
                        self.assertEqual(text, line)
                    else:
                        self.assertEqual(check(record), [], text)

    def test_nothing_of_an_event_is_lost(self):
        for schema in CHECKS:
            rules = manual.table(schema)
            records, _ = self.forward(self.samples(), schema)
            for line, text in zip(self.samples(), records):
                event, record = json.loads(line), json.loads(text)
                if text == line:
                    continue
                rest = dict(leaves(record.get(RESTS[schema], {})))
                for path, value in leaves(event):
                    to = [target for kinds, source, target, *_ in rules
                          if source == path and target and kind_of(event) in kinds]
                    lists = schema == "ocsf" and (path.startswith("threat.") or
                                                  path == "segmon.violation.flow_ids")
                    self.assertTrue(
                        rest.get(path) == value or any(at(record, one) is not None for one in to)
                        or path in SAID or (path == "segmon.verdict" and value == "violation")
                        or (lists and self.in_lists(record, value)), (schema, path, value))

    def in_lists(self, record, value):
        there = json.dumps(record["finding_info"])
        return all(json.dumps(one) in there for one in (value if isinstance(value, list) else []))\
            or value == "MITRE ATT&CK"

    def test_every_rule_of_a_table_is_of_use(self):
        properties = {(kind_of(json.loads(line)), path)
                      for line in self.samples() for path, _ in leaves(json.loads(line))}
        for schema in CHECKS:
            for kinds, source, target, *_ in manual.table(schema):
                for kind in kinds:
                    if (kind, source) not in properties:
                        self.fail(f"{schema}: {kind} has no {source}")

    def test_records_are_as_they_were(self):
        for schema in CHECKS:
            records, _ = self.forward(OLD_SAMPLES.read_text().splitlines(), schema)
            golden = (GOLDEN / f"{schema}.ndjson").read_text().splitlines()
            self.assertEqual(len(records), len(golden))
            for record, old in zip(records, golden):
                self.assertEqual(json.loads(record), json.loads(old))

    def test_what_does_not_fit_is_passed_on_as_it_is_and_counted(self):
        good = self.samples()[0]
        big = json.loads(good)
        big["message"] = "x" * 70000
        lines = ['{"no": "event"}', '{"event":{"dataset":"segmon.flow"}}', "{not json}",
                 "{" * 1000 + "}", json.dumps(big), '{"a":' + "[" * 60000 + "}",
                 good.replace('"@timestamp":"2026', '"@timestamp":"then'),
                 good.replace('"ip":"', '"ip":"no address ', 1)]
        for schema in CHECKS:
            records, said = self.forward([*lines, good], schema)
            self.assertEqual(records[:-1], lines)
            self.assertEqual(CHECKS[schema](json.loads(records[-1])), [])
            self.assertIn(f"{len(lines)} events that do not fit the schema", said)

    def test_a_syslog_message_has_the_record_behind_the_header_of_the_event(self):
        violation = next(line for line in self.samples() if "segmon.violation" in line)
        plain, _ = self.forward([violation], "ocsf")
        framed, _ = self.forward([violation], "ocsf", "--format", "syslog")
        self.assertTrue(plain[0].startswith("{"))
        header, _, record = framed[0].partition(" - violation - ")
        self.assertRegex(header, r"^\d+ <130>1 2026-\S+Z lab-01 segmon$")
        self.assertEqual(record, plain[0])
        size, _, frame = framed[0].partition(" ")
        self.assertEqual(int(size), len(frame.encode()))

    def test_a_schema_that_is_none_is_refused(self):
        run = subprocess.run([SEGMON, "forward", "-r", "redis://localhost", "-o", "-", "--schema",
                              "cef"], capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"bad value 'cef'", run.stderr)


if __name__ == "__main__":
    SEGMON, SAMPLES = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
