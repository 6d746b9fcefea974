#!/usr/bin/env python3
"""segmon run that is killed, and started again: see live.py.
test_killed.py SEGMON SEND_FRAMES.  Needs root and redis-server, and says so: status 77."""
import json
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import live
from live import Live, NAME, conversations, inside, ip
import redis_server as redis  # noqa: E402  live.py says where.
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

PORT = 9464
RUNS = 5
# Asks, and keeps a connection open until it is told to go.
SCRAPER = f"""
import socket, sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:{PORT}/metrics", timeout=30) as answer:
    print(answer.status, flush=True)
with socket.create_connection(("127.0.0.1", {PORT})) as connection:
    connection.sendall(b"GET /metrics HTTP/1.1\\r\\n")
    print("open", flush=True)
    sys.stdin.read()
"""


class Killed(Live):
    """At any moment, with everything open that a run may have."""

    def setUp(self):
        super().setUp()
        self.server = redis.Server(self.folder.name)
        self.addCleanup(lambda: self.server.kill())
        self.kept = self.path / "kept.ndjson"
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        ip("-n", f"{NAME}-r", "link", "set", "lo", "up")
        self.frames = self.capture(conversations(300))

    def begin(self, workers):
        self.start("-w", str(workers), "-p", self.policy, "-r", self.server.uri, "-o", self.kept,
                   "--sensor", "here", "--metrics", str(PORT), "--heartbeat", "1",
                   "--set", f"spool.directory={self.path}/spool")

    def scrape(self):
        scraper = subprocess.Popen(inside("r", sys.executable, "-c", SCRAPER), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(scraper.stdout.close)
        self.addCleanup(scraper.communicate)
        self.assertEqual(scraper.stdout.readline(), "200\n")
        self.assertEqual(scraper.stdout.readline(), "open\n")

    def promiscuity(self):
        shown = subprocess.run(["ip", "-n", f"{NAME}-r", "-d", "-j", "link", "show", "r0"],
                               check=True, capture_output=True).stdout
        return json.loads(shown)[0]["promiscuity"]

    def events_kept(self):
        """Each is whole, but for what a kill tore, which is a line of its own."""
        events, torn = [], 0
        for line in self.kept.read_bytes().split(b"\n")[:-1]:
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                torn += 1
        return events, torn

    def stored(self, kind):
        return [fields[b"id"].decode() for _, fields in self.server.entries(kind, "here")]

    def check(self, workers):
        draw = random.Random(workers)
        self.kept.unlink(missing_ok=True)
        for _ in range(RUNS):
            self.begin(workers)
            self.assertEqual(self.promiscuity(), workers)
            self.scrape()
            sender = threading.Thread(target=self.send, args=(self.frames, 5, 20000))
            sender.start()
            time.sleep(draw.uniform(0, 0.5))
            if draw.random() < 0.5:
                self.run_.send_signal(signal.SIGHUP)
            self.kill()
            self.assertEqual(self.promiscuity(), 0)
            sender.join()
        self.begin(workers)
        self.scrape()
        self.send(self.frames, pace=20000)
        self.settle()
        self.stop()
        self.assertEqual(self.promiscuity(), 0)
        events, torn = self.events_kept()
        self.assertLessEqual(torn, RUNS)
        self.assertEqual(sum(e["event"]["dataset"] == "segmon.status"
                             and e["segmon"]["status"]["cause"] == "end" for e in events), 1)
        for kind in ("flow", "violation", "status"):
            stored = self.stored(kind)
            self.assertGreater(len(stored), 0)
            self.assertEqual(len(stored), len(set(stored)), "each event is there once")
        last = [e["event"]["id"] for e in self.events()]
        self.assertLessEqual(set(last), {i for k in ("flow", "violation", "status")
                                         for i in self.stored(k)})

    def test_it_leaves_nothing_that_hinders_the_next_run(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.check(workers)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip() or (None if redis.SERVER else "no redis-server")
    if reason:
        print(f"test_killed.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
