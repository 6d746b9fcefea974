#!/usr/bin/env python3
"""From a capture to a file of rsyslogd's: test_rsyslog.py SEGMON [unittest options].

segmon replay -> redis-server -> segmon forward -> rsyslogd -> file, all of them real, with the
configurations of tools/integrations/rsyslog.  What comes out is compared with what replay
writes to a file.  SEGMON_RSYSLOG_KILLS says how often rsyslogd is killed while it reads (5).
Skipped without redis-server or rsyslogd (Debian: redis-server, rsyslog)."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import packets as p  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402

RECIPES = HERE.parents[1] / "tools/integrations/rsyslog"
RSYSLOGD = shutil.which("rsyslogd")
KILLS = int(os.environ.get("SEGMON_RSYSLOG_KILLS", "5"))
PATIENCE_S = 60
SEGMON = None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@unittest.skipUnless(SERVER and RSYSLOGD, "skipped: no redis-server or no rsyslogd")
class Rsyslog(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server(folder.name)
        self.addCleanup(self.server.kill)
        self.output = self.folder / "events.ndjson"
        self.forwarded = self.folder / "forward.ndjson"
        self.port = free_port()
        self.rsyslogd = None
        self.addCleanup(lambda: self.end(self.rsyslogd))

    def end(self, process, number=signal.SIGKILL):
        if process and process.poll() is None:
            process.send_signal(number)
            process.wait(timeout=30)

    def configure(self, name, action=None):
        text = (RECIPES / name).read_text()
        for placed, here in (("/var/log/segmon/events.ndjson", self.output),
                             ("/var/lib/segmon-forward/events.ndjson", self.forwarded),
                             ('"6514"', f'"{self.port}"'), *([action] if action else [])):
            text = text.replace(placed, str(here))
        (self.folder / "rsyslog.conf").write_text(
            f'global(workDirectory="{self.folder}")\n{text}')

    def start_rsyslogd(self):
        self.rsyslogd = subprocess.Popen(
            [RSYSLOGD, "-n", "-iNONE", "-f", self.folder / "rsyslog.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def forward(self, *target):
        process = subprocess.Popen(
            [SEGMON, "forward", "-q", "-r", self.server.uri, "--sensor", "lab", "--batch", "100",
             *target], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)

    def replay(self, number, n):
        """Puts the events of a capture into Redis, and returns them."""
        capture, events = self.folder / f"{number}.pcap", self.folder / f"{number}.ndjson"
        capture.write_bytes(p.pcap([p.tcp(f"10.{number}.0.{1 + i // 5000}", 1024 + i % 5000,
                                          "10.200.0.1", 80, p.SYN) for i in range(n)]))
        subprocess.run([SEGMON, "replay", "-q", "-r", self.server.uri, "-o", events, capture],
                       check=True, timeout=60)
        return events.read_text().splitlines()

    def written(self):
        return self.output.read_text().splitlines() if self.output.exists() else []

    def wait_for(self, events):
        """Until all of them are there; what is then there."""
        end = time.monotonic() + PATIENCE_S
        while not set(events) <= set(self.written()):
            missing = len(set(events) - set(self.written()))
            self.assertLess(time.monotonic(), end, f"{missing} of {len(events)} are missing")
            time.sleep(0.1)
        return self.written()

    def test_over_tcp_every_event_comes_once_and_as_it_was(self):
        self.configure("segmon-imtcp.conf")
        self.start_rsyslogd()
        self.forward("--tcp", f"127.0.0.1:{self.port}")
        events = self.replay(1, 3000)
        self.assertEqual(len(events), 3001)
        self.assertEqual(sorted(self.wait_for(events)), sorted(events))

    def test_over_tcp_what_comes_while_rsyslogd_is_away_comes_when_it_is_back(self):
        """What was on its way when the connection broke may come twice."""
        self.configure("segmon-imtcp.conf")
        self.start_rsyslogd()
        self.forward("--tcp", f"127.0.0.1:{self.port}")
        events = self.replay(1, 300)
        self.wait_for(events)
        for i in range(2):
            self.end(self.rsyslogd, (signal.SIGKILL, signal.SIGTERM)[i])
            events += self.replay(2 + i, 300)
            self.start_rsyslogd()
            written = self.wait_for(events)
        self.assertEqual(set(written), set(events))
        self.assertLessEqual(len(written) - len(events), 2 * 100)

    def test_from_a_file_nothing_is_lost_however_rsyslogd_ends(self):
        """It may read again what it had not noted to have read."""
        self.configure("segmon-imfile.conf",
                       ('type="omfwd" target="siem.example" port="514" protocol="tcp"',
                        f'type="omfile" file="{self.output}"'))
        text = (self.folder / "rsyslog.conf").read_text()
        self.assertIn(str(self.output), text)
        (self.folder / "rsyslog.conf").write_text(
            text.replace('action.resumeRetryCount="-1"', ""))
        events = self.replay(1, 1000 * KILLS)
        self.start_rsyslogd()
        self.forward("-o", self.forwarded)
        rng = random.Random(3)
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.02, 0.4))
            self.end(self.rsyslogd)
            self.start_rsyslogd()
        written = self.wait_for(events)
        self.assertLessEqual(len(set(written) - set(events)), KILLS, "lines cut by a kill")


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
