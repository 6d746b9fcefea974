#!/usr/bin/env python3
"""test_interrupted.py BUILD: 'live' and 'soak' leave nothing behind when they are told
to end: no program, no network, no file.  Needs root and says so: status 77."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0:0] = [str(HERE), str(HERE.parents[0] / "tools"), str(HERE.parents[0] / "support")]
sys.dont_write_bytecode = True
import live as network  # noqa: E402
import redis_server  # noqa: E402

WAIT = 60  # Seconds.
BUILD = None


def programs(mark):
    """Process ids of all that were started with this in their environment, or that have
    it in their title, which redis-server writes over its environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes() + (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:  # It has just ended.
            pass
    return found


class Interrupted(unittest.TestCase):
    COMMANDS = (["live", "--rate", "1000", "--only", "segmon", "--seconds", "600", "--scale",
                 "0.002"],
                ["soak", "--minutes", "10", "--rate", "1000", "--scale", "0.002"])

    def begin(self, command, folder):
        self.mark = folder.encode()
        run = subprocess.Popen(
            [sys.executable, str(HERE / command[0]), "--build", BUILD, *command[1:]],
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(run.stderr.close)
        self.addCleanup(self.kill_all)
        return run

    def kill_all(self):
        for pid in programs(self.mark):
            os.kill(pid, signal.SIGKILL)

    def wait_until(self, condition, run):
        end = time.monotonic() + WAIT
        while not condition():
            self.assertIsNone(run.poll(), "it has ended")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def running(self):
        """What of it runs: names of programs."""
        names = set()
        for pid in programs(self.mark):
            try:
                names.add(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
            except OSError:
                pass
        return names

    def networks(self, run):
        return [line for line in subprocess.run(
            ["ip", "netns", "list"], capture_output=True, text=True, check=True
        ).stdout.splitlines() if f"-live-{run.pid}-" in line]

    def check(self, command, number, moment):
        with tempfile.TemporaryDirectory() as folder:
            run = self.begin(command, folder)
            self.wait_until(lambda: moment <= self.running(), run)
            self.assertTrue(self.networks(run))
            run.send_signal(number)
            run.send_signal(number)  # Whoever is impatient does it twice.
            said = run.stderr.read()
            self.assertEqual(run.wait(WAIT), 128 + number, said)
            self.assertEqual(self.networks(run), [])
            self.assertEqual(programs(self.mark), [])
            self.assertEqual(os.listdir(folder), [])

    def test_while_all_of_it_runs(self):
        for command in self.COMMANDS:
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(command[0], signal=number.name):
                    self.check(command, number, {"segmon", "blast", "redis-server"})

    def test_while_it_begins(self):
        for command, moment in zip(self.COMMANDS, ({"sleep"}, {"redis-server"})):
            with self.subTest(command[0]):
                self.check(command, signal.SIGTERM, moment)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    reason = network.reason_to_skip() or (None if redis_server.SERVER else "no redis-server")
    if reason:
        print(f"test_interrupted.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
