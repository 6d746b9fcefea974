#!/usr/bin/env python3
"""Texts that somebody chose to do harm, from the wire to Redis:
test_input_faults.py SEGMON.  Skipped without redis-server: status 77."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.dont_write_bytecode = True
import packets as p  # noqa: E402
import redis_server  # noqa: E402

SEGMON = None
SCHEMA = ROOT / "tools/event/schema/segmon-event-1.0.json"
HOSTILE = (
    b"nul\0inside.example", b"esc\x1b[2J\x1b]0;owned\x07.example", b"bad\xff\xfe\x80utf8.example",
    b"half\xed\xa0\x80surrogate.example", b"over\xc0\xaflong.example",
    "rtl\u202egpj.exe.example".encode(), b"</script><script>alert(1)</script>.example",
    b'quote"\\.example', b"x\r\nSET pwn 1\r\n.example", b"*3\r\n$3\r\nSET\r\n$3\r\npwn\r\n$1\r\n1\r\n",
    b"%s%n%d%b.example", b"$(touch pwn)`touch pwn`.example", b"a" * 60000 + b".example",
    b"\xf0\x9f\x92\xa9" * 100 + b".example", b"", b"\n", b"segmon:{lab}:flow * event x")


def dns_query(name):
    labels = b"".join(bytes([len(part[:63])]) + part[:63] for part in (name[:200], b"test"))
    return b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0\0\x01\0\x01"


def client_hello(name):
    sni = b"\0" + len(name).to_bytes(2, "big") + name
    sni = len(sni).to_bytes(2, "big") + sni
    extensions = b"\0\0" + len(sni).to_bytes(2, "big") + sni
    body = (b"\x03\x03" + b"r" * 32 + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" +
            len(extensions).to_bytes(2, "big") + extensions)
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello


def conversations():
    frames = []
    for i, name in enumerate(HOSTILE):
        client = f"10.1.0.{i + 1}"
        get = (b"GET /" + name.replace(b" ", b"+")[:1000] + b" HTTP/1.1\r\nHost: " + name[:1200] +
               b"\r\nUser-Agent: " + name[:1200] + b"\r\n\r\n")
        frames += p.tcp_session(client, "10.2.0.1", 80, 40000 + i, get,
                                b"HTTP/1.1 200 OK\r\nServer: " + name[:1200] + b"\r\n\r\n")
        frames += p.tcp_session(client, "10.2.0.1", 443, 41000 + i, client_hello(name[:1300]))
        frames += [p.udp(client, 42000 + i, "10.2.0.1", 53, dns_query(name)),
                   p.udp("10.2.0.1", 53, client, 42000 + i, dns_query(name))]
    return frames


class Hostile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.server = redis_server.Server(folder.name)
        self.addCleanup(self.server.kill)
        capture, self.output = self.path / "hostile.pcap", self.path / "events.ndjson"
        capture.write_bytes(p.pcap(conversations()))
        run = subprocess.run([SEGMON, "replay", "-q", "--sensor", "lab", "-o", self.output, "-r",
                              self.server.uri, capture], capture_output=True, cwd=self.path)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.lines = self.output.read_bytes().split(b"\n")[:-1]

    def test_names_are_harmless_text_in_every_event(self):
        seen = 0
        for line in self.lines:
            text = line.decode("utf-8", "strict")
            for character in text:
                self.assertFalse(ord(character) < 32 or 0x7f <= ord(character) < 0xa0 or
                                 0x202a <= ord(character) <= 0x202e, text)
            seen += "example" in json.dumps(json.loads(text))
        self.assertGreater(seen, len(HOSTILE))
        check = subprocess.run([sys.executable, ROOT / "tests/support/validate_events.py", SCHEMA,
                                self.output], capture_output=True)
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_names_are_read_by_others(self):
        if not shutil.which("jq"):
            self.skipTest("jq is missing")
        ids = subprocess.run(["jq", "-er", ".event.id", self.output], check=True,
                             capture_output=True, text=True).stdout.split()
        self.assertEqual(len(ids), len(self.lines))

    def test_names_are_no_commands_of_the_server(self):
        self.assertEqual(self.server.call("EXISTS", "pwn"), 0)
        stored = {kind: [fields[b"event"] for _, fields in self.server.entries(kind)]
                  for kind in ("flow", "status")}
        for kind, entries in stored.items():
            wanted = [line for line in self.lines
                      if json.loads(line)["event"]["dataset"] == f"segmon.{kind}"]
            self.assertEqual(entries, wanted)
        keys = set(self.server.call("KEYS", "*"))
        self.assertEqual(keys, {b"segmon:{lab}:flow", b"segmon:{lab}:status", b"segmon:sensors"})
        self.assertEqual([file.name for file in self.path.iterdir() if "pwn" in file.name], [])


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not redis_server.SERVER:
        print("test_input_faults.py: skipped: no redis-server")
        sys.exit(77)
    unittest.main(verbosity=2)
