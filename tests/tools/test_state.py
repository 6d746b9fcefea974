#!/usr/bin/env python3
"""What segmon run tells in Redis of itself.  See live.py: test_state.py SEGMON SEND_FRAMES.
Needs root and redis-server, and says so: status 77."""
import json
import re
import subprocess
import sys
import time
import unittest

import live
from live import ROOT, WAIT, Live, conversations
import redis_server as redis  # noqa: E402  live.py says where.
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

KEY = "segmon:{here}:state"
N_CONVERSATIONS = 100


def documented_acl():
    """The rights that the manual says a sensor needs, as words."""
    page = (ROOT / "tools/segmon.1").read_text()
    return re.search(r"^ACL SETUSER sensor (.*?)^\.Ed", page, re.MULTILINE | re.DOTALL)[1].split()


class State(Live):
    def setUp(self):
        super().setUp()
        self.server = redis.Server(self.folder.name, "--appendonly", "yes")
        self.addCleanup(lambda: self.server.kill())

    def run_into_redis(self, *options, uri=None):
        self.start("--sensor", "here", "--no-dpi", "--redis", uri or self.server.uri, *options)

    def state(self):
        words = [word.decode() for word in self.server.call("HGETALL", KEY)]
        return dict(zip(words[0::2], words[1::2]))

    def wait_for_state(self, condition):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            state = self.state()
            if state and condition(state):
                return state
            time.sleep(0.1)
        self.fail(f"not in {WAIT} seconds: {self.state()}")

    def test_is_there_at_once_and_follows_what_is_counted(self):
        self.run_into_redis()
        first = self.wait_for_state(lambda state: True)
        self.assertEqual((first["phase"], first["frames"]), ("running", "0"))
        sent = self.send(self.capture(conversations(N_CONVERSATIONS)))
        state = self.wait_for_state(lambda state: int(state["frames"]) == sent)
        self.assertEqual(state["flows.created"], str(N_CONVERSATIONS))
        self.assertEqual(state["epoch"], first["epoch"])
        self.assertEqual(state["started"], first["started"])
        self.assertLess(first["last_seen"], state["last_seen"])
        self.assertRegex(state["interface.r0"], rf"^capturing {sent} \d+ 0 \d+$")
        self.assertEqual(self.server.call("HGETALL", "segmon:sensors"),
                         [b"here", state["epoch"].encode()])

    def test_has_a_matrix_of_segments(self):
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\nsegments:\n"
                               "  users: {networks: [10.1.0.0/16]}\n"
                               "  servers: {networks: [10.2.0.0/16]}\n")
        self.run_into_redis("-p", self.policy)
        self.send(self.capture(conversations(N_CONVERSATIONS)))
        state = self.wait_for_state(lambda state: int(state["flows.created"]) == N_CONVERSATIONS)
        self.stop()
        words = [word.decode() for word in self.server.call("HGETALL", "segmon:{here}:matrix")]
        self.assertEqual(words[0::2], ["users|servers"])
        row = dict(zip(state["matrix.columns"].split(), map(int, words[1].split())))
        self.assertEqual((row["flows"], row["violations"], row["got_through"]),
                         (N_CONVERSATIONS, N_CONVERSATIONS, N_CONVERSATIONS))
        self.assertEqual(row["events"], len(list(self.server.entries("violation", "here"))))
        flows = [fields for _, fields in self.server.entries("flow", "here")]
        self.assertEqual(row["src_packets"] + row["dst_packets"],
                         sum(json.loads(fields[b"event"])["network"]["packets"]
                             for fields in flows))
        self.assertGreater(self.server.call("TTL", "segmon:{here}:matrix"), 0)

    def test_is_what_segmon_top_shows(self):
        self.policy.write_text("version: 1\npolicy: {name: office, revision: '7'}\nsegments:\n"
                               "  users: {networks: [10.1.0.0/16]}\n"
                               "  servers: {networks: [10.2.0.0/16]}\n")
        self.run_into_redis("-p", self.policy)
        self.send(self.capture(conversations(N_CONVERSATIONS)))
        self.wait_for_state(lambda state: int(state["flows.created"]) == N_CONVERSATIONS)
        text = self.top()
        self.assertRegex(text, r" [1-9]\d* violations\n")
        self.assertRegex(text, r"\nhere +running .*  office 7; r0 capturing\n")
        self.assertRegex(text, r"\n\S+ +\w+ +default:inter +users +servers +\d+ ")
        self.stop()
        text = self.top()
        self.assertRegex(text, rf"\nusers +servers +{N_CONVERSATIONS} +{N_CONVERSATIONS} +0 +"
                               rf"{N_CONVERSATIONS} ")
        self.assertRegex(text, r"\nhere +ended ")

    def top(self):
        return subprocess.run([live.SEGMON, "top", "-b", "-r", self.server.uri], check=True,
                              capture_output=True, text=True, timeout=WAIT).stdout

    def test_lives_on_for_a_moment_and_says_how_it_ended(self):
        self.run_into_redis()
        self.wait_for_state(lambda state: True)
        self.assertLessEqual(self.server.call("TTL", KEY), 15)
        self.stop()
        self.assertEqual(self.state()["phase"], "ended")
        self.assertGreater(self.server.call("TTL", KEY), 0)

    def test_comes_back_with_the_server_and_no_event_is_lost_or_doubled(self):
        self.run_into_redis()
        path = self.capture(conversations(N_CONVERSATIONS))
        self.wait_for_state(lambda state: True)
        self.send(path)
        self.server.kill()
        self.server.start()
        self.server.call("DEL", KEY)
        self.wait_for_state(lambda state: int(state["flows.created"]) == N_CONVERSATIONS)
        events = self.stop()
        for kind in ("flow", "violation", "status"):
            stored = [fields[b"id"].decode() for _, fields in self.server.entries(kind, "here")]
            written = [event["event"]["id"] for event in events
                       if event["event"]["dataset"] == f"segmon.{kind}"]
            self.assertEqual(stored, written)

    def test_goes_with_a_warning_of_a_server_that_may_lose_events(self):
        self.server.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.run_into_redis()
        risk = "may evict any key when it is full"
        self.wait_for(f"the server {risk}\n")
        outputs = self.stop()[-1]["segmon"]["status"]["outputs"]
        self.assertIn([risk], [output.get("server", {}).get("risks") for output in outputs])
        self.assertEqual(sum(risk in line for line in self.talk), 1)

    def test_needs_no_more_rights_than_the_manual_says(self):
        words = ["secret" if word == ">password" else word for word in documented_acl()]
        self.server.call("ACL", "SETUSER", "sensor",
                         *(">secret" if word == "secret" else word for word in words))
        self.run_into_redis(uri=f"unix://sensor:secret@{self.server.path}")
        self.send(self.capture(conversations(N_CONVERSATIONS)))
        self.wait_for_state(lambda state: int(state["flows.created"]) == N_CONVERSATIONS)
        outputs = self.stop()[-1]["segmon"]["status"]["outputs"]
        self.assertEqual([output.get("error") for output in outputs], [None, None])
        self.assertEqual(len(list(self.server.entries("flow", "here"))), N_CONVERSATIONS)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip() or (None if redis.SERVER else "no redis-server")
    if reason:
        print(f"test_state.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
