#!/usr/bin/env python3
"""A cable between segmon and Redis that is cut: test_redis_cable.py SEGMON [unittest
options].

Two network namespaces with a pair of interfaces between them; names carry the process
id.  Skipped without redis-server, or without the right to make namespaces."""
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from redis_cluster import wait_for  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402
from steady_replay import SteadyReplay  # noqa: E402

SEGMON = None
NAME = f"segmon-cable-{os.getpid()}"
PORT = 6379  # Of namespaces of our own.
IPV4, IPV6 = "198.51.100.1", "2001:db8::1"
PATIENCE = 30
NOTICED = 3.5  # Seconds, on a machine that has nothing else to do.


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True).returncode == 0


def inside(end, *command):
    return ["ip", "netns", "exec", f"{NAME}-{end}", *command]


def add_networks():
    """False without the right to."""
    for end in "ab":
        if not ip("netns", "add", f"{NAME}-{end}", check=False):
            return False
        ip("-n", f"{NAME}-{end}", "link", "set", "lo", "up")
    ip("-n", f"{NAME}-a", "link", "add", "a0", "type", "veth", "peer", "name", "b0",
       "netns", f"{NAME}-b")
    for end, number in (("a", 2), ("b", 1)):
        ip("-n", f"{NAME}-{end}", "addr", "add", f"198.51.100.{number}/24", "dev", f"{end}0")
        ip("-n", f"{NAME}-{end}", "-6", "addr", "add", f"2001:db8::{number}/64", "dev",
           f"{end}0", "nodad")
        ip("-n", f"{NAME}-{end}", "link", "set", f"{end}0", "up")
    return True


def plug(state):
    """At the server's end: what we send is lost, and nobody tells us."""
    ip("-n", f"{NAME}-b", "link", "set", "b0", state)
    if state == "up":  # It was lost with the link.
        ip("-n", f"{NAME}-b", "-6", "addr", "replace", "2001:db8::1/64", "dev", "b0", "nodad")


class Cable(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-cable-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        plug("up")
        self.server = Server(self.folder, "--port", str(PORT), "--bind", IPV4, IPV6,
                             "--protected-mode", "no", wrapper=inside("b"))
        self.addCleanup(self.server.kill)

    def start(self, *words, **more):
        process = subprocess.Popen(inside("a", SEGMON, *words), stderr=subprocess.PIPE, **more)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.said = queue.Queue()
        threading.Thread(target=lambda: [self.said.put(line.decode()) for line in process.stderr],
                         daemon=True).start()
        return process

    def wait_to_hear(self, *words):
        deadline = time.monotonic() + PATIENCE
        heard = ""
        while not any(word in heard for word in words):
            try:
                heard += self.said.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                self.fail(f"never said {words}, but: {heard}")
        return heard

    def noticed(self, since, what):
        took = time.monotonic() - since
        print(f"{what}: noticed after {took:.1f} s", file=sys.stderr)
        self.assertLess(took, 3 * NOTICED)

    def test_connecting_ends(self):
        plug("down")
        begin = time.monotonic()
        self.start("tail", "--redis", f"redis://{IPV4}")
        self.wait_to_hear("timed out", "No route", "unreachable")
        self.noticed(begin, "connecting")

    def test_waiting_for_an_answer_ends_and_goes_on_when_the_cable_is_back(self):
        self.start("forward", "--redis", f"redis://[{IPV6}]", "--output",
                   os.path.join(self.folder, "out"), "--sensor", "lab")
        wait_for(lambda: self.server.call("EXISTS", "segmon:{lab}:flow"), "a group")
        plug("down")
        begin = time.monotonic()
        self.wait_to_hear("no answer in time", "timed out", "No route")
        self.noticed(begin, "waiting for an answer")
        plug("up")
        self.wait_to_hear("goes on")

    def test_what_was_on_its_way_comes_once_when_the_cable_is_back(self):
        replay = SteadyReplay(SEGMON, f"redis://{IPV4}", self.folder, wrapper=inside("a"))
        self.addCleanup(replay.stop)
        wait_for(lambda: self.n_flows() > replay.n_flows // 10, "events")
        plug("down")
        time.sleep(3)  # Longer than any connection lasts.
        stored = self.n_flows()
        plug("up")
        status, errors = replay.wait()
        print(f"{stored} of {replay.n_flows} flows were stored when the cable was cut",
              file=sys.stderr)
        self.assertEqual(status, 0, errors)
        self.assertLess(stored, replay.n_flows)
        self.assertEqual(replay.missing(self.server), [])

    def test_the_doctor_warns_of_a_cable_that_others_can_listen_to(self):
        done = subprocess.run(inside("a", SEGMON, "doctor", "--redis", f"redis://{IPV4}"),
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertIn("D-REDIS-CLEARTEXT", done.stdout)
        self.assertIn(f"fix: segmon run --redis rediss://{IPV4}", done.stdout)

    def n_flows(self):
        return self.server.call("XLEN", "segmon:{lab}:flow")


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER or not shutil.which("ip"):
        print("skipped: no redis-server, or no ip")
        sys.exit(77)
    try:
        if not add_networks():
            print("skipped: no right to make network namespaces")
            sys.exit(77)
        unittest.main(verbosity=2)
    finally:
        for one in "ab":
            ip("netns", "del", f"{NAME}-{one}", check=False)
