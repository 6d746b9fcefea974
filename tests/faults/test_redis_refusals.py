#!/usr/bin/env python3
"""Redis servers that are there, and refuse, and what a sensor makes of it; see sensor.py:
test_redis_refusals.py SEGMON SEND_FRAMES.  Needs root and says so: status 77."""
import socket
import subprocess
import sys
import threading
import time
import unittest

import sensor
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401
from sensor import Sensor, live


class Refusing(Sensor):
    def refuse(self, begin, end, why, rounds=3):
        """From 'begin' to 'end' events wait, and the reason is told, once; which of several is
        told first may be left open."""
        said = self.said_times(": fails: ")
        begin()
        self.go(rounds)
        self.wait_until_down(n=said + 1)
        self.wait_for(why)
        self.wait_until_written()
        end()
        self.wait_until_back()
        self.wait_for(": works again", said + 1)
        self.wait_until_stored()
        self.assertEqual(self.said_times(": fails: "), said + 1, self.talk)

    def config(self, name, value):
        return lambda: self.server.call("CONFIG", "SET", name, value)

    def test_because_memory_is_full_is_tried_until_there_is_room(self):
        self.server.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.begin()
        self.send_round()
        self.refuse(self.config("maxmemory", "1"), self.config("maxmemory", "0"), "OOM")
        self.finish()

    def test_because_it_is_a_replica_is_tried_until_it_is_none(self):
        self.begin()
        self.send_round()
        self.refuse(lambda: self.server.call("REPLICAOF", "127.0.0.1", "1"),
                    lambda: self.server.call("REPLICAOF", "NO", "ONE"), "READONLY")
        self.finish()

    def test_because_its_master_is_away_or_its_replicas_are_is_tried_again(self):
        self.server.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        self.begin()
        self.send_round()
        self.refuse(lambda: self.server.call("REPLICAOF", "127.0.0.1", "1"),
                    lambda: self.server.call("REPLICAOF", "NO", "ONE"), "")
        self.refuse(self.config("min-replicas-to-write", "1"),
                    self.config("min-replicas-to-write", "0"), "NOREPLICAS")
        self.finish()

    def test_because_a_script_runs_is_tried_until_it_has_ended(self):
        self.server.call("CONFIG", "SET", "busy-reply-threshold", "100")
        self.begin()
        self.send_round()
        script = threading.Thread(target=self.server.call, args=("EVAL", "while true do end", "0"))
        self.refuse(script.start, lambda: self.server.call("SCRIPT", "KILL"), "BUSY")
        script.join()
        self.finish()

    def test_because_a_key_is_of_another_type_is_tried_until_it_is_not(self):
        """What is not refused goes on."""
        self.begin()
        self.send_round()
        self.wait_until_stored()
        key, kept = "segmon:{lab}:flow", "kept"

        def put_away():
            self.server.call("RENAME", key, kept)
            self.server.call("SET", key, "mine")

        def put_back():
            self.server.call("RENAME", kept, key)

        self.refuse(put_away, put_back, "WRONGTYPE")
        self.finish()

    def test_because_ids_are_exhausted_is_tried_until_there_are_some(self):
        """As after a foreign producer with the last of all ids."""
        self.begin()
        self.send_round()
        self.wait_until_stored()
        key, kept = "segmon:{lab}:flow", "kept"

        def exhaust():
            self.server.call("RENAME", key, kept)
            self.server.call("XADD", key, "18446744073709551615-18446744073709551615", "a", "b")

        def put_back():
            self.server.call("RENAME", kept, key)

        self.refuse(exhaust, put_back, "")
        self.finish()

    def test_because_it_has_clients_enough_is_tried_until_there_is_room(self):
        self.begin()
        self.send_round()
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.connect(self.server.path)

        def fill():
            other.sendall(b"CONFIG SET maxclients 1\r\nCLIENT KILL TYPE normal\r\n")
            other.recv(100)

        def make_room():
            other.sendall(b"CONFIG SET maxclients 100\r\n")
            other.recv(100)

        self.refuse(fill, make_room, "")
        self.finish()


PORT = 9464
ASK = f"""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", {PORT})
connection.request("GET", "/readyz")
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


class Rights(Sensor):
    SERVER = ("--requirepass", "first")

    def setUp(self):
        super().setUp()
        self.secret = self.path / "secret"
        self.config = self.path / "segmon.yaml"
        self.write_secret("first")
        self.server.call = self.call

    def write_secret(self, text):
        whole = self.path / "secret.new"
        whole.touch(0o600)
        whole.write_text(text + "\n")
        whole.rename(self.secret)

    password = b"first"

    def call(self, *words):
        """Of a server that wants to know who calls."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.server.path)
            with connection.makefile("rb") as reader:
                for command in (("AUTH", self.password), words):
                    parts = [w if isinstance(w, bytes) else str(w).encode() for w in command]
                    connection.sendall(b"*%d\r\n" % len(parts) + b"".join(
                        b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
                    answer = self.server.read(reader)
                return answer

    def begin_with_file(self, other):
        self.config.write_text(
            f"capture: {{interfaces: [r0]}}\npolicy: {self.policy}\nsensor: lab\n"
            f"outputs:\n  - file: {self.output}\n"
            f"  - redis: {self.server.uri}\n    password_file: {self.secret}\n"
            f"  - redis: {other.uri}\n")
        live.ip("-n", f"{live.NAME}-r", "link", "set", "lo", "up")
        self.start("--metrics", PORT, "--set", f"spool.directory={self.spool}", "--no-dpi",
                   "--memory", str(sensor.MEMORY), "--buffer", "64M", "--set", "flows.timeouts.tcp_closing=1",
                   config=self.config)

    def is_ready(self):
        """What whoever relies on it is told: status and text."""
        ask = subprocess.run(live.inside("r", sys.executable, "-c", ASK), capture_output=True,
                             text=True, timeout=sensor.WAIT, check=True)
        return ask.stdout.rstrip().split(" ", 1)

    def test_that_are_taken_are_told_and_events_wait_until_they_are_given_back(self):
        """Of one server the password is another now, and at another the right to write is
        gone.  Both are tried again after half a minute, and no sooner."""
        other = self.serve()
        self.begin_with_file(other)
        self.go(4)
        time.sleep(0.3)
        self.server.call("CONFIG", "SET", "requirepass", "second")
        self.password = b"second"
        self.server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
        other.call("ACL", "SETUSER", "default", "-xadd")
        self.wait_for("WRONGPASS")
        self.wait_for("NOPERM")
        self.wait_until(lambda: self.is_ready()[0] == "503", "it seems to be ready")
        self.assertIn("lets nobody in", self.is_ready()[1])
        self.wait_until_written()
        self.write_secret("second")
        other.call("ACL", "SETUSER", "default", "+xadd")
        self.wait_until_stored()
        self.wait_until_stored(other)
        self.wait_until(lambda: self.is_ready() == ["200", "ok"], "it is not ready again")
        self.finish()
        self.check_streams(self.events(), other)
        self.assertNotIn("second", "".join(self.talk))
        self.assertEqual((self.said_times("WRONGPASS"), self.said_times("NOPERM")), (1, 1))


if __name__ == "__main__":
    _, arguments = sensor.main("test_redis_refusals.py")
    unittest.main(argv=arguments, verbosity=2)
