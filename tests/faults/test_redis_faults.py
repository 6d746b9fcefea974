#!/usr/bin/env python3
"""What goes wrong with a Redis server, and what a sensor makes of it; see sensor.py:
test_redis_faults.py SEGMON SEND_FRAMES.  Needs root and says so: status 77.

Where nothing else is said, each test ends with the same: no frame was lost, memory
stayed in its bounds, and every event is in its stream once, in order."""
import os
import pathlib
import signal
import time
import unittest

import sensor
from sensor import N, Sensor
from live import NAME, add_networks, ip, remove_networks as tearDownModule  # noqa: F401

SIGPIPE_BIT = 1 << (signal.SIGPIPE - 1)
EVICTS = "the server may evict any key when it is full"
KEPT = ("--appendonly", "yes", "--appendfsync", "always")


def setUpModule():
    add_networks()
    ip("-n", f"{NAME}-r", "link", "set", "lo", "up")


class Killed(Sensor):
    SERVER = KEPT

    def test_and_started_again_is_sent_what_it_did_not_acknowledge(self):
        self.begin()
        self.go(12)
        for i in range(3):
            time.sleep(0.4)
            self.server.kill()
            self.wait_until_down(n=i + 1)
            self.server.start()
            self.wait_until_back()
            self.wait_for(": works again", i + 1)
        self.wait_until_stored()
        self.finish()
        self.assertEqual((self.said_times(": fails: "), self.said_times(": works again")), (3, 3))

    def test_is_written_to_without_a_signal_that_ends_the_program(self):
        self.begin()
        status = pathlib.Path(f"/proc/{self.run_.pid}/status").read_text()
        ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
        self.assertTrue(int(ignored.split()[1], 16) & SIGPIPE_BIT)
        self.go(2)
        self.server.kill()
        self.send_round()
        self.wait_until_written()
        self.server.start()
        self.wait_until_stored()
        self.finish()


class Hung(Sensor):
    def test_is_left_and_what_was_in_flight_is_not_stored_twice(self):
        """Of what was sent, some is in the server's socket and stored later: nobody knows."""
        self.begin()
        self.go(8)
        time.sleep(0.3)
        for i in range(2):
            self.server.signal(signal.SIGSTOP)
            self.wait_until_down("no answer in time", i + 1)
            self.server.signal(signal.SIGCONT)
            self.wait_until_back()
            self.wait_for(": works again", i + 1)
        self.wait_until_stored()
        self.finish()

    def test_costs_no_more_memory_than_it_may(self):
        """Far more than the memory of a spool, and than any socket takes."""
        path = self.capture([f for i in range(8) for f in many_refused(2500, i)], "many.pcap")
        self.begin("--set", "flows.attempts=1000000")
        self.send_round()
        self.wait_until_stored()
        before = self.memory_at_most()
        self.server.signal(signal.SIGSTOP)
        self.send(path, 1, 10000)
        self.n_conversations += 20000
        self.wait_until_written()
        grown = self.memory_at_most() - before
        print(f"{grown >> 20} MiB for {self.output.stat().st_size >> 20} MiB of events",
              end=" ")
        self.assertLess(grown, (64 << 20) * sensor.SLOW)
        self.server.signal(signal.SIGCONT)
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()


def many_refused(n, part):
    """Attempts that an RST answers, two frames each."""
    frames = []
    for i in range(n):
        client, port = f"10.1.{part}.{i // 250 + 1}", 1024 + i
        frames += [sensor.live.p.tcp(client, port, "10.2.0.1", 443, sensor.live.p.SYN),
                   sensor.live.p.tcp("10.2.0.1", 443, client, port,
                                     sensor.live.p.RST | sensor.live.p.ACK)]
    return frames


class Slow(Sensor):
    def test_is_waited_for(self):
        """It answers after a second and a half, which is no failure."""
        self.begin()
        self.go(8)
        time.sleep(0.3)
        for _ in range(2):
            self.server.call("CLIENT", "PAUSE", "1500", "WRITE")
            time.sleep(0.2)
            time.sleep(1.5)
        self.wait_until_stored()
        self.finish()
        self.assertEqual(self.said_times("fails"), 0)


class Loading(Sensor):
    SERVER = KEPT

    def test_is_tried_until_it_has_loaded(self):
        """Keys that take their time, as those of a large server do."""
        self.begin()
        self.go(6)
        self.server.call(
            "EVAL", "for i=1,20000 do redis.call('SET', 'filler'..i, i) end return 1", "0")
        self.server.kill()
        self.wait_until_down()
        self.server.command += ["--key-load-delay", "100"]
        self.server.start()
        self.assertTrue(self.server.call("PING").startswith(b"LOADING"))
        self.wait_until(lambda: self.server.call("PING") == b"PONG",
                        "the server has not loaded")
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()
        self.assertEqual(self.said_times(": fails: "), 1)


class Forgetful(Sensor):
    SERVER = KEPT

    def test_of_everything_gets_it_again_as_far_as_it_is_kept(self):
        """The next event tells that streams are gone: before it comes what was in them."""
        for how in (("FLUSHALL",), ("DEL", "segmon:{lab}:flow", "segmon:{lab}:violation")):
            with self.subTest(how[0]):
                self.spool = self.path / how[0]
                self.n_conversations = 0
                self.begin()
                self.send_round()
                self.wait_until_stored()
                self.server.call(*how)
                self.send_round(2)
                self.wait_until_stored()
                self.finish()
                self.assertEqual(sensor.gaps(self.events()), [])
                self.server.call("FLUSHALL")

    def test_of_what_it_acknowledged_is_told_it_again(self):
        """It comes back empty: what was kept for a while after it was stored is sent again."""
        self.begin()
        self.send_round(2)
        self.wait_until_stored()
        self.server.kill()
        for file in (self.server.folder / "appendonlydir").iterdir():
            file.unlink()
        self.server.start()
        self.send_round()
        self.wait_until_stored()
        self.finish()

    def test_after_a_failover_gets_what_the_replica_did_not(self):
        """The replica was cut off for a while before it became the master: it has less than
        was acknowledged."""
        place = ("ip", "netns", "exec", f"{NAME}-r")
        self.server = master = self.serve("--port", "7001", wrapper=place)
        replica = self.serve("--port", "7002", "--replicaof", "127.0.0.1", "7001", wrapper=place)
        self.begin()
        self.send_round()
        self.wait_until_stored()
        self.wait_until(lambda: self.n_stored(server=replica) == self.n_stored(),
                        "the replica does not follow")
        replica.call("REPLICAOF", "NO", "ONE")
        self.send_round()
        self.wait_until_stored()
        master.kill()
        self.go(3)
        self.wait_until_down()
        os.rename(replica.path, master.path)  # As an address that moves.
        replica.path, self.server = master.path, replica
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()


class Evicting(Sensor):
    SERVER = ("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")

    def test_is_told_of_at_once_because_it_can_delete_a_stream(self):
        self.begin()
        self.wait_for(EVICTS)
        self.send_round()
        self.wait_until_stored()
        self.finish()
        self.assertEqual(self.said_times(EVICTS), 1)


if __name__ == "__main__":
    _, arguments = sensor.main("test_redis_faults.py")
    unittest.main(argv=arguments, verbosity=2)
