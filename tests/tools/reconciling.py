"""segmon reconcile on a real Redis: what its tests have in common."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

from redis_server import SERVER, Server

SEGMON = None
KINDS = ("flow", "violation", "status")
COMPLETE, INCOMPLETE, USAGE, UNPROVEN = range(4)
VERDICTS = {COMPLETE: "complete", INCOMPLETE: "incomplete", UNPROVEN: "unproven"}
SEED = os.environ.get("SEGMON_RECONCILE_SEED", "1")  # Where random numbers begin.


def main():
    """Arguments: SEGMON [unittest options]."""
    global SEGMON
    SEGMON = sys.argv.pop(1)
    unittest.main()


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
