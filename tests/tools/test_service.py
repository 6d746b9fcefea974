#!/usr/bin/env python3
"""segmon run as a service: what it tells its manager and the journal.  See live.py:
test_service.py SEGMON SEND_FRAMES.  Needs root and says so: status 77."""
import pathlib
import signal
import sys
import unittest

import live
from live import Live
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

JOURNAL = {"JOURNAL_STREAM": ""}


class Log(Live):
    def said_lines(self):
        return "".join(self.talk).splitlines()

    def test_has_priorities_in_the_journal_and_nowhere_else(self):
        self.start(environment=JOURNAL)
        self.stop()
        self.assertEqual(self.said_lines()[0], "<5>r0: capturing")
        self.assertRegex(self.said_lines()[1], "^<6>0 frames, ")
        self.start()
        self.stop()
        self.assertEqual(self.said_lines()[0], "segmon run: r0: capturing")

    def test_has_each_mistake_of_a_policy_on_a_line(self):
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        self.start("-p", self.policy, environment=JOURNAL)
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n"
                               "rulez: []\nrules:\n  - {id: a, from: \"x\\e[2J\", to: y}\n")
        self.run_.send_signal(signal.SIGHUP)
        self.wait_for("<3>the policy in force stays")
        self.stop()
        for line in self.said_lines():
            self.assertRegex(line, "^<[356]>[^\033]*$")
        self.assertTrue(any(line.startswith(f"<3>{self.policy}:3:1: E-")
                            for line in self.said_lines()), self.talk)

    def test_tells_once_that_an_output_fails(self):
        self.output = pathlib.Path("/dev/full")
        self.start()
        self.wait_for("/dev/full: fails: cannot be written: No space left on device")
        self.run_.terminate()
        self.run_.wait(live.WAIT)
        self.listener.join()
        self.assertEqual("".join(self.talk).count("/dev/full: fails"), 1)

    def test_has_what_is_urgent_enough(self):
        for options, level in ((["--log-level", "warning"], 4), (["--log-level", "notice"], 5),
                               (["--log-level", "debug"], 7), (["--quiet"], 3)):
            with self.subTest(level=level):
                self.output.write_text("")
                self.start(*options, ready=None)
                self.wait_for_events(lambda events: "capturing" in str(events))
                self.stop()
                self.assertEqual([name for name, urgency in (("capturing", 5), ("frames", 6))
                                  if name in "".join(self.talk)],
                                 [name for name, urgency in (("capturing", 5), ("frames", 6))
                                  if urgency <= level])


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_service.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
