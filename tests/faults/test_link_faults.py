#!/usr/bin/env python3
"""What goes wrong on the way to a Redis server: the cable, and its name; see sensor.py:
test_link_faults.py SEGMON SEND_FRAMES.  Needs root and says so: status 77.

What goes wrong with the interfaces that are watched is in tests/tools/test_live.py."""
import time
import unittest

import sensor
from live import NAME, ip
from sensor import Sensor, live

HERE, THERE, NOBODY = "10.99.0.1", "10.99.0.2", "10.99.0.3"
NOWHERE = "02:00:00:00:00:03"  # What is sent there is not even refused.


def setUpModule():
    """Another pair of interfaces, with addresses: the sensor's end is r9, Redis has w9."""
    live.add_networks()
    live.add_link(9)
    ip("-n", f"{NAME}-r", "addr", "add", f"{HERE}/24", "dev", "r9")
    ip("-n", f"{NAME}-w", "addr", "add", f"{THERE}/24", "dev", "w9")
    ip("-n", f"{NAME}-r", "neigh", "add", NOBODY, "lladdr", NOWHERE, "dev", "r9")
    for end in "rw":
        ip("-n", f"{NAME}-{end}", "link", "set", "lo", "up")


tearDownModule = live.remove_networks


class OverTheNetwork(Sensor):
    def setUp(self):
        super().setUp()
        self.end_server(self.server)
        self.server = self.serve("--port", "7000", "--bind", THERE, "--protected-mode", "no",
                                 "--appendonly", "yes", "--appendfsync", "always",
                                 wrapper=("ip", "netns", "exec", f"{NAME}-w"))
        self.server.uri = f"redis://{THERE}:7000"


class Cable(OverTheNetwork):
    def test_that_is_cut_is_noticed_and_events_wait(self):
        """No packet says so, neither a reset nor an end, and the kernel would wait for a
        quarter of an hour: the sensor itself gives up."""
        self.addCleanup(ip, "-n", f"{NAME}-w", "link", "set", "w9", "up")
        self.begin()
        self.go(12)
        time.sleep(0.3)
        ip("-n", f"{NAME}-w", "link", "set", "w9", "down")
        self.wait_until_down()
        self.wait_until_written()
        ip("-n", f"{NAME}-w", "link", "set", "w9", "up")
        self.wait_until_back()
        self.wait_until_stored()
        self.finish()
        self.assertEqual(self.said_times(": fails: "), 1, self.talk)


class Name(OverTheNetwork):
    """Of the server, which files and then a name server know; both are this test's."""

    WRAPPER = ("unshare", "-m", "sh", "-c",
               'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && '
               'shift 2 && exec "$@"', "sh")

    def begin_by_name(self, *options):
        self.hosts, resolver = self.path / "hosts", self.path / "resolv.conf"
        self.hosts.write_text(f"{THERE} redis.segmon.test\n")
        resolver.write_text(f"nameserver {NOBODY}\noptions timeout:30 attempts:5\n")
        self.begin(*options, uri="redis://redis.segmon.test:7000",
                   wrapper=(*self.WRAPPER, str(self.hosts), str(resolver)))
        self.send_round()
        self.wait_until_stored()

    def test_that_nobody_knows_any_more_holds_up_no_event(self):
        """The name server does not answer: whoever asks waits for seconds, and only he."""
        self.begin_by_name()
        self.hosts.write_text("")
        self.server.kill()
        self.go(4)
        self.wait_until_down()
        self.wait_until_written()
        self.assertGreaterEqual(self.n_written("violation"), self.n_conversations)
        self.server.start()
        self.hosts.write_text(f"{THERE} redis.segmon.test\n")
        self.wait_until_stored()
        self.finish()

    def test_that_is_asked_for_in_vain_does_not_hold_up_the_end(self):
        """Whoever waited for the name server would wait for two and a half minutes."""
        self.begin_by_name("--set", "stop_timeout=5s")
        self.hosts.write_text("")
        self.server.kill()
        self.send_round()
        self.wait_until_written()
        self.run_.terminate()
        self.run_.wait(sensor.WAIT)
        self.listener.join()
        first = self.events()
        self.server.start()
        self.hosts.write_text(f"{THERE} redis.segmon.test\n")
        self.output = self.path / "second.ndjson"
        self.n_conversations = 0
        self.begin_by_name()
        self.finish(dropped=True)
        self.check_streams(first + self.events())


if __name__ == "__main__":
    _, arguments = sensor.main("test_link_faults.py")
    unittest.main(argv=arguments, verbosity=2)
