#!/usr/bin/env python3
"""segmon tail on a real Redis: test_tail.py SEGMON [unittest options]."""
import ipaddress
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
WAIT = 20  # Seconds, for what should take less than one.
SAMPLE = ROOT / "tests/lab/sample/segments.pcap"
POLICY = ROOT / "rules/examples/enterprise-pci-ot.yaml"
KINDS = ("flow", "violation", "status")
LEVELS = ("info", "low", "medium", "high", "critical")


def event(name, kind="flow", **more):
    return json.dumps({"@timestamp": "2026-03-10T12:00:07.120331Z",
                       "event": {"id": name, "dataset": f"segmon.{kind}"}, **more})


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class Tail(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.server = Server(folder.name, "--appendonly", "yes", "--appendfsync", "always")
        self.addCleanup(lambda: self.server.kill())

    def replay(self, sensor="lab"):
        subprocess.run([SEGMON, "replay", "-q", "--no-dpi", "-p", POLICY, "--sensor", sensor,
                        "--redis", self.server.uri, SAMPLE], check=True, timeout=60)

    def add(self, name, kind="flow", sensor="s", number="*", **more):
        text = event(name, kind, **more)
        self.server.call("HSET", "segmon:sensors", sensor, "0")
        return self.server.call("XADD", "segmon:{%s}:%s" % (sensor, kind), number,
                                "event", text, "id", name).decode()

    def tail(self, *options, status=0):
        """A run that ends by itself."""
        run = subprocess.run([SEGMON, "tail", "-r", self.server.uri, *map(str, options)],
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def stored(self, kinds=KINDS, sensor="lab"):
        """Every event of the streams, in order of their entries."""
        entries = [(name, KINDS.index(kind), json.loads(fields[b"event"]))
                   for kind in kinds for name, fields in self.server.entries(kind, sensor)]
        return [found for _, _, found in sorted(entries, key=lambda entry: entry[:2])]

    def begin(self, *options):
        self.lines, self.talk = [], []
        self.run_ = subprocess.Popen(
            [SEGMON, "tail", "-r", self.server.uri, *map(str, options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.kill)
        self.ears = [threading.Thread(target=self.listen, args=both) for both in
                     ((self.run_.stdout, self.lines), (self.run_.stderr, self.talk))]
        for ear in self.ears:
            ear.start()
        # It has found where streams end.
        self.wait_for(lambda: b" cmd=xread " in self.server.call("CLIENT", "LIST"))

    @staticmethod
    def listen(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def kill(self):
        if self.run_.poll() is None:
            self.run_.kill()
        self.run_.wait()
        for ear in self.ears:
            ear.join()
        self.run_.stdout.close()
        self.run_.stderr.close()

    def end(self):
        self.run_.send_signal(signal.SIGINT)
        self.assertEqual(self.run_.wait(WAIT), 128 + signal.SIGINT, self.talk)
        for ear in self.ears:
            ear.join()

    def wait_for(self, condition):
        end = time.monotonic() + WAIT
        while not condition():
            self.assertLess(time.monotonic(), end, (self.lines[-5:], self.talk))
            time.sleep(0.02)

    def shown_ids(self):
        return [json.loads(line)["event"]["id"] for line in list(self.lines)]


class WhatThereIs(Tail):
    def test_is_shown_as_it_is_in_order_of_time(self):
        self.replay()
        events = self.stored(("flow",))
        shown = self.tail("--since", 0, "-e", "flow", "-j", "-n", len(events)).stdout
        self.assertEqual([json.loads(line) for line in shown.splitlines()], events)
        raw = [fields[b"event"].decode() for _, fields in self.server.entries("flow")]
        self.assertEqual(shown.splitlines(), raw)

    def test_of_all_kinds_and_sensors_is_shown_once(self):
        self.replay()
        self.replay("other")
        ids = sorted(found["event"]["id"] for sensor in ("lab", "other")
                     for found in self.stored(sensor=sensor))
        shown = self.tail("--since", 0, "-j", "-n", len(ids)).stdout.splitlines()
        self.assertEqual(sorted(json.loads(line)["event"]["id"] for line in shown), ids)
        only = self.tail("--since", 0, "-j", "--sensor", "other", "-n", len(ids) // 2).stdout
        self.assertEqual({json.loads(line)["observer"]["name"] for line in only.splitlines()},
                         {"other"})

    def filtered(self, options, wanted):
        """The options show just the events that are wanted."""
        ids = [found["event"]["id"] for found in self.stored() if wanted(found)]
        self.assertGreater(len(ids), 2)
        self.assertLess(len(ids), len(self.stored()))
        shown = self.tail("--since", 0, "-j", *options, "-n", len(ids)).stdout.splitlines()
        self.assertEqual(sorted(json.loads(line)["event"]["id"] for line in shown), sorted(ids))

    def test_can_be_filtered(self):
        self.replay()
        network = ipaddress.ip_network("10.0.0.0/9")
        self.filtered(["-e", "violation"], lambda it: it["event"]["dataset"] == "segmon.violation")
        self.filtered(["--segment", "pciapp"], lambda it: "pciapp" in
                      [it["observer"].get(side, {}).get("zone") for side in ("ingress", "egress")])
        for option, end in (("--src", "source"), ("--dst", "destination")):
            self.filtered([option, str(network)], lambda it: end in it and
                          ipaddress.ip_address(it[end]["ip"]) in network)
        self.filtered(["--rule", "default:inter"],
                      lambda it: it.get("rule", {}).get("id") == "default:inter")
        for i, level in enumerate(LEVELS[2:4]):
            self.filtered(["--severity", level], lambda it: it["segmon"].get("severity", "none")
                          in LEVELS[2 + i:])
        self.filtered(["--severity", "medium", "--segment", "pcidb"], lambda it: it["segmon"].get(
            "severity") in LEVELS[2:] and "pcidb" in
            [it["observer"].get(side, {}).get("zone") for side in ("ingress", "egress")])

    def test_is_a_line_for_people(self):
        self.add("a", observer={"name": "s", "ingress": {"zone": "users"},
                                "egress": {"zone": "web"}},
                 source={"ip": "10.0.0.1", "port": 4711}, destination={"ip": "2001:db8::1", "port": 443},
                 network={"transport": "tcp", "bytes": 1822}, rule={"id": "r1"},
                 segmon={"verdict": "allowed", "outcome": "data", "app": {"name": "TLS"}})
        self.assertEqual(
            self.tail("--since", 0, "-n", 1, "--sensor", "s").stdout,
            "2026-03-10T12:00:07.120Z flow allowed users:10.0.0.1:4711 -> web:[2001:db8::1]:443 "
            "tcp TLS r1 data 1822 B\n")

    def test_cannot_disturb_a_terminal(self):
        self.add("a", observer={"ingress": {"zone": "x\x1b[2J\u202e\x9b\n"}},
                 rule={"id": "\x07"}, source={"ip": "\r"})
        shown = self.tail("--since", 0, "-n", 1).stdout
        self.assertIn(r"x\x1b[2J\u{202e}\u{9b}\x0a:\x0d", shown)
        self.assertRegex(shown, "^[ -~]*\n$")

    def test_that_is_no_event_is_counted_and_passed(self):
        stream = "segmon:{s}:flow"
        self.add("first")
        for text in ("", "x", "[]", "{}", "{\"event\":1}", "null", "[" * 5000, event("a", "other"),
                     event("\0"), "\xff\xfe", '{"@timestamp":1,"event":{"id":"a"}}',
                     json.dumps({"a": "x" * 70000})):
            self.server.call("XADD", stream, "*", "event", text)
        self.server.call("XADD", stream, "*", "foreign", "field")
        self.add("last")
        run = self.tail("--since", 0, "-n", 2, "-j")
        self.assertEqual([json.loads(line)["event"]["id"] for line in run.stdout.splitlines()],
                         ["first", "last"])
        self.assertEqual(run.stderr, "segmon tail: 13 entries were no events\n")

    def test_stays_one_line_whatever_is_in_it(self):
        text = event("a").replace(",", ",\n\r", 1) + "\r\n"
        self.server.call("HSET", "segmon:sensors", "s", "0")
        self.server.call("XADD", "segmon:{s}:flow", "*", "event", text)
        shown = self.tail("--since", 0, "-n", 1, "-j").stdout
        self.assertEqual(shown.count("\n"), 1)
        self.assertEqual(json.loads(shown), json.loads(text))

    def test_can_be_read_from_an_entry_or_a_time_on(self):
        ids = [self.add(str(i), number=f"{1700000000000 + i * 1000}-{i}") for i in range(10)]
        for since, first in ((ids[3], 4), ("2023-11-14T22:13:25Z", 5), ("0", 0)):
            shown = self.tail("--since", since, "-j", "-n", 10 - first).stdout.splitlines()
            self.assertEqual([json.loads(line)["event"]["id"] for line in shown],
                             [str(i) for i in range(first, 10)])
        self.add("now")
        shown = self.tail("--since", "1m", "-j", "-n", 1).stdout
        self.assertEqual(json.loads(shown)["event"]["id"], "now")


class WhatComes(Tail):
    def test_is_shown_once_and_nothing_older(self):
        self.replay()
        self.begin("-j")
        self.replay()
        new = [found["event"]["id"] for kind in KINDS
               for found in self.stored((kind,))[len(self.stored((kind,))) // 2:]]
        self.wait_for(lambda: len(self.lines) >= len(new))
        time.sleep(0.3)  # No more than those.
        self.assertEqual(sorted(self.shown_ids()), sorted(new))
        self.end()
        self.assertEqual(self.talk, [])

    def test_from_a_sensor_that_nobody_knew_is_shown(self):
        self.begin("-j")
        for i in range(5):
            self.add(str(i), sensor="new")
        self.wait_for(lambda: len(self.lines) == 5)
        self.end()

    def test_after_the_server_was_away_is_shown_once(self):
        """While a producer writes, the server is killed three times."""
        self.begin("-j")
        n = 2000
        for i in range(n):
            self.add(str(i), KINDS[i % 3])
            if i % 600 == 599:
                self.server.kill()
                time.sleep(0.3)
                self.server.start()
                while self.server.call("PING") != b"PONG":
                    time.sleep(0.02)  # It reads what it has written.
        self.wait_for(lambda: len(self.lines) >= n)
        time.sleep(0.3)
        shown = self.shown_ids()
        self.assertEqual(sorted(map(int, shown)), list(range(n)))
        for kind in range(3):
            of_kind = [int(name) for name in shown if int(name) % 3 == kind]
            self.assertEqual(of_kind, sorted(of_kind))
        self.end()
        tries = [line for line in self.talk if "trying again" in line]
        goes_on = [line for line in self.talk if "goes on" in line]
        # The server may be away again before it is noticed that it was back.
        self.assertIn(len(tries), (1, 2, 3))
        self.assertEqual(len(goes_on), len(tries))

    def test_after_the_server_hung_is_shown_once(self):
        self.begin("-j")
        self.add("0")
        self.wait_for(lambda: len(self.lines) == 1)
        self.server.signal(signal.SIGSTOP)
        self.wait_for(lambda: any("no answer in time" in line for line in self.talk))
        self.server.signal(signal.SIGCONT)
        self.add("1")
        self.wait_for(lambda: len(self.lines) == 2)
        self.assertEqual(self.shown_ids(), ["0", "1"])
        self.end()

    def test_and_goes_before_it_is_read_is_told(self):
        self.begin()
        first = self.add("0", number="1000-0")
        self.wait_for(lambda: len(self.lines) == 1)
        self.run_.send_signal(signal.SIGSTOP)
        for i in range(1, 10):
            self.add(str(i), number=f"{1000 + i}-0")
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "4")
        self.run_.send_signal(signal.SIGCONT)
        self.wait_for(lambda: len(self.lines) == 6)
        self.assertEqual(self.lines[1], f"-- segmon:{{s}}:flow: 5 entries between {first} and 1006-0"
                                        " were deleted before they could be read")
        self.end()

    def test_and_was_read_may_be_trimmed_without_a_word(self):
        self.begin()
        for i in range(10):
            self.add(str(i))
        self.wait_for(lambda: len(self.lines) == 10)
        self.server.call("XTRIM", "segmon:{s}:flow", "MAXLEN", "2")
        self.add("10")
        self.wait_for(lambda: len(self.lines) == 11)
        self.assertFalse([line for line in self.lines if line.startswith("--")])
        self.end()

    def test_in_a_stream_that_begins_anew_is_shown(self):
        self.begin()
        self.add("0", number="1000-0")
        self.wait_for(lambda: len(self.lines) == 1)
        self.server.call("DEL", "segmon:{s}:flow")
        self.add("1", number="5-0")
        self.wait_for(lambda: len(self.lines) == 3)
        self.assertEqual(self.lines[1], "-- segmon:{s}:flow: begins anew; it was at 1000-0")
        self.end()


class TheEnd(Tail):
    def test_comes_quietly_when_nobody_reads_any_more(self):
        for more in ((), ("-j",)):
            for i in range(2000):  # More than a pipe holds.
                self.add(str(i))
            run = subprocess.Popen([SEGMON, "tail", "-r", self.server.uri, "--since", "0", *more],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            run.stdout.readline()
            run.stdout.close()
            self.assertEqual((run.wait(WAIT), run.stderr.read()), (0, b""))
            run.stderr.close()

    def test_comes_at_once_when_nobody_reads_and_nothing_happens(self):
        self.begin()
        read, write = os.pipe()
        run = subprocess.Popen([SEGMON, "tail", "-r", self.server.uri], stdout=write)
        os.close(write)
        time.sleep(0.5)
        os.close(read)
        self.assertEqual(run.wait(WAIT), 0)

    def test_comes_when_the_disk_is_full(self):
        self.add("0")
        with open("/dev/full", "w") as full:
            run = subprocess.run([SEGMON, "tail", "-r", self.server.uri, "--since", "0"],
                                 stdout=full, stderr=subprocess.PIPE, timeout=WAIT)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"No space left", run.stderr)

    def test_comes_with_a_signal_while_the_server_is_away(self):
        self.begin()
        self.server.kill()
        self.wait_for(lambda: self.talk)
        self.end()

    def test_comes_at_once_when_there_is_no_server(self):
        self.server.kill()
        self.assertIn("refused", self.tail(status=1).stderr)
        self.server.start()

    def test_comes_at_once_for_mistakes(self):
        for options in (("--events", "all"), ("--src", "10.0.0.0/99"), ("--severity", "worst"),
                        ("--since", "yesterday"), ("--sensor", "a b"), ("--count", "0"),
                        ("more",), ("--redis", "http://:secret@h"), ("--nosuch",)):
            run = self.tail(*options, status=2)
            self.assertTrue(run.stderr)
            self.assertNotIn("secret", run.stderr)

    def test_needs_no_more_rights_than_the_manual_says(self):
        page = (ROOT / "tools/segmon.1").read_text()
        words = re.search(r"^ACL SETUSER viewer (.*?)^\.Ed", page,
                          re.MULTILINE | re.DOTALL)[1].split()
        self.assertEqual(self.server.call("ACL", "SETUSER", "viewer", *words), b"OK")
        self.begin("-r", f"unix://viewer:password@{self.server.path}")
        self.add("0")
        self.wait_for(lambda: len(self.lines) == 1)
        self.end()
        self.assertEqual(self.talk, [])

    def test_takes_the_password_from_the_environment_or_a_file(self):
        self.add("0")
        self.server.call("CONFIG", "SET", "requirepass", "s3cret")
        secret = pathlib.Path(self.server.path).parent / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o600)
        for name, value, status in (("SEGMON_REDIS_PASSWORD", "s3cret", 0),
                                    ("SEGMON_REDIS_PASSWORD_FILE", str(secret), 0),
                                    ("SEGMON_REDIS_PASSWORD", "hunter2", 1)):
            run = subprocess.run([SEGMON, "tail", "-r", self.server.uri, "--since", "0", "-n", "1"],
                                 env={**os.environ, name: value}, capture_output=True, timeout=WAIT)
            self.assertEqual(run.returncode, status, run.stderr)
            self.assertNotIn(b"hunter2", run.stderr)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
