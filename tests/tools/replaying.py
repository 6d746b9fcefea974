"""segmon replay as a user meets it: what its tests have in common.

Every test runs the real program on capture files it builds itself."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema

import packets as p

SEGMON = None

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: tcp/80, action: allow}
"""

HTTP = (b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")
ALLOWED = p.tcp_session("10.1.0.1", "10.2.0.1", 80, 40000, *HTTP)
FORBIDDEN = p.tcp_session("10.1.0.1", "10.2.0.1", 8080, 40001, *HTTP)


def main():
    """Arguments: SEGMON [unittest options]."""
    global SEGMON
    SEGMON = sys.argv.pop(1)
    unittest.main()


class Replaying(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.policy = self.file("policy.yaml", POLICY.encode())

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content)
        return str(path)

    def run_segmon(self, *arguments, **options):
        return subprocess.run([SEGMON, *arguments], capture_output=True, timeout=60,
                              **{"stdin": subprocess.DEVNULL, **options})

    @classmethod
    def setUpClass(cls):
        schema = subprocess.run([SEGMON, "schema"], capture_output=True, check=True).stdout
        cls.validator = jsonschema.Draft202012Validator(json.loads(schema))

    def events(self, *arguments, status=0, **options):
        """Replays to standard output and returns the events, each checked
        against the schema the program prints."""
        run = self.run_segmon("replay", "-q", "-o", "-", *arguments, **options)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        events = [json.loads(line) for line in run.stdout.splitlines()]
        for event in events:
            self.validator.validate(event)
        return events

    def flows(self, *arguments, **options):
        return [e for e in self.events(*arguments, **options)
                if e["event"]["dataset"] == "segmon.flow"]

    def large(self, i):
        """A capture of many windows, which workers read in turns."""
        packets = [p.udp(f"10.1.{i}.{n % 12}", 5000, f"10.2.0.{n % 4}", 5000, bytes(1400))
                   for n in range(2000)]
        return p.pcap(packets, start=1_700_000_000 + i * 100)
