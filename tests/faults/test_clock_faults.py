#!/usr/bin/env python3
"""A clock that jumps, and ids in Redis that must not; see sensor.py:
test_clock_faults.py SEGMON SEND_FRAMES.  Needs root and says so: status 77.

That no flow ends, and that events say so, is in tests/tools/test_sight.py."""
import pathlib
import unittest

import sensor
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401
from sensor import Sensor


class Clock(Sensor):
    def set_clock(self, offset):
        whole = self.path / "clock.new"
        whole.write_text(offset + "\n")
        whole.rename(self.path / "clock")

    def send_and_wait(self):
        """For violations, which are told at once: frames are stamped by the system's clock, so
        that flows would end at times that are none of the program's."""
        self.send_round()
        for n in (self.n_written, self.n_stored):
            self.wait_until(lambda n=n: n("violation") >= self.n_conversations,
                            "violations are missing")

    def test_that_jumps_leaves_every_stream_in_order(self):
        """Also over the end of a run: the spool remembers what ids were given."""
        libraries = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries or sensor.SANITIZED:
            self.skipTest("no libfaketime, or it does not go with a sanitizer")
        self.set_clock("+0")
        environment = {"LD_PRELOAD": str(libraries[0]),
                       "FAKETIME_TIMESTAMP_FILE": str(self.path / "clock"),
                       "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.begin(environment=environment)
        for i, time in enumerate(("+3600", "-3600", "@2038-01-19 03:14:00", "+0",
                                  "@1970-01-02 00:00:00")):
            self.send_and_wait()
            self.set_clock(time)
            self.wait_for("the clock was set by", i + 1)
        self.send_and_wait()
        self.finish(known=False)
        first = self.events()
        self.output = self.path / "second.ndjson"
        self.n_conversations = 0
        self.set_clock("+0")
        self.begin(environment=environment)
        self.send_round()
        self.wait_until_written()
        self.wait_until(lambda: self.n_stored() == sum(
            e["event"]["dataset"] == "segmon.flow" for e in first) + sensor.N, "not all is stored")
        self.finish(dropped=True)
        self.check_streams(first + self.events())


if __name__ == "__main__":
    _, arguments = sensor.main("test_clock_faults.py")
    unittest.main(argv=arguments, verbosity=2)
