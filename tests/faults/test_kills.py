#!/usr/bin/env python3
"""A sensor that is killed, and one that is asked to end while events wait; see kills.py:
test_kills.py SEGMON SEND_FRAMES SEGMON_MORTAL.  Needs root and says so: status 77.

SEGMON_MORTAL kills itself where it is told to.  'torture' does the same for as long as
one likes."""
import signal
import time
import unittest

import kills
import sensor
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

MORTAL = None
N_KILLS = 6


class AtRandom(kills.Killed):
    def test_instants_loses_doubles_and_exchanges_nothing(self):
        kills.kill_at_random(self, N_KILLS, server_every=3)
        lost = self.check(self.last_run())
        print(f"{N_KILLS} kills, {lost} events were not yet written", end=" ")


class AtFailpoints(kills.Killed):
    SYNC = "always"

    def test_of_the_spool_loses_doubles_and_exchanges_nothing(self):
        self.assertGreater(len(kills.failpoints()), 10)
        for name in ("written", "write state", "segment begun"):
            nth = 1 if name == "segment begun" else 2
            self.assertTrue(kills.kill_at_failpoint(self, MORTAL, name, nth), name)
        self.check(self.last_run())


class Asked(sensor.Sensor):
    def end_with_backlog(self):
        """In its time; what waits is on the disk and will be sent."""
        self.send_round(2)
        self.wait_until_written()
        began = time.monotonic()
        first = self.stop()
        self.assertLess(time.monotonic() - began, 10 * sensor.SLOW)
        waiting, = [o["events"] for o in first[-1]["segmon"]["status"]["outputs"]
                    if "redis" in o["name"]]
        self.assertGreaterEqual(waiting["flow"]["spooled"], self.n_conversations)
        self.assertEqual(waiting["flow"]["dropped"], 0)
        return first

    def check_next(self, first):
        self.n_conversations = 0
        self.output = self.path / "second.ndjson"
        self.begin()
        self.send_round()
        self.wait_until_written()
        self.finish(dropped=True)
        self.check_streams(first + self.events())

    def test_to_end_while_the_server_is_down_it_keeps_what_waits(self):
        self.begin("--set", "stop_timeout=6s")
        self.server.kill()
        first = self.end_with_backlog()
        self.server.start()
        self.check_next(first)

    def test_to_end_while_the_server_hangs_it_keeps_what_waits(self):
        self.begin("--set", "stop_timeout=6s")
        self.server.signal(signal.SIGSTOP)
        first = self.end_with_backlog()
        self.server.signal(signal.SIGCONT)
        self.check_next(first)


if __name__ == "__main__":
    (MORTAL,), arguments = sensor.main("test_kills.py")
    unittest.main(argv=arguments, verbosity=2)
