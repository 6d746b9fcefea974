#!/usr/bin/env python3
"""A replay that is told to read its policy again: test_reload.py SEGMON.

The program reads a capture from a pipe that stays open, so that the policy
changes while flows are alive."""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402
import processes  # noqa: E402

SEGMON = None
WAIT = 30  # Seconds, for what should take milliseconds.

POLICY = """\
version: 1
policy: {name: test, revision: "%s"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: tcp/80, action: %s}
"""

PCAP_HEADER = 24


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.policy = pathlib.Path(self.folder.name) / "policy.yaml"

    def start(self, workers):
        self.policy.write_text(POLICY % (1, "allow"))
        self.run = subprocess.Popen(
            [SEGMON, "replay", "--workers", str(workers), "-p", self.policy, "-o", "-", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.run.stdout.close)
        self.addCleanup(self.run.stderr.close)
        self.talk = []
        self.said = threading.Condition()
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()
        self.sent = 0

    def listen(self):
        for line in self.run.stderr:
            with self.said:
                self.talk.append(line.decode())
                self.said.notify()

    def send(self, frames):
        """Frames of one stream, a millisecond after one another."""
        stream = p.pcap(frames, start=1_700_000_000 + self.sent)
        self.run.stdin.write(stream if self.sent == 0 else stream[PCAP_HEADER:])
        self.run.stdin.flush()
        self.sent += 1

    def reload(self, answer):
        """The program looks at the signal when it has read something."""
        self.run.send_signal(signal.SIGHUP)
        self.send(p.tcp_session("10.1.0.9", "10.1.0.8", 9, 40000 + self.sent)[:1])
        with self.said:
            self.assertTrue(
                self.said.wait_for(lambda: any(answer in t for t in self.talk), WAIT),
                (answer, self.talk))
            self.talk.clear()

    def finish(self):
        self.run.stdin.close()
        events = [json.loads(line) for line in self.run.stdout]
        self.assertEqual(self.run.wait(WAIT), 0)
        self.listener.join()
        return events

    def change(self, workers):
        syn, syn_ack, ack = p.tcp_session("10.1.0.1", "10.2.0.1", 80, 40000)[:3]
        self.start(workers)
        self.send([syn])
        processes.wait_until_read(self.run.stdin)  # Whoever reads also watches for signals.
        self.policy.write_text(POLICY % (1, "allow"))
        self.reload("in force")  # Read: so the SYN was, by the first policy.
        self.policy.write_text(POLICY % (2, "deny"))
        self.reload("in force")
        self.policy.write_text("version: 1\nrulez: []\n")
        self.reload("stays")
        self.send([syn_ack, ack])
        return self.finish()

    def check_events(self, events):
        def of(kind):
            return [e for e in events if e["event"]["dataset"] == "segmon." + kind]

        web = [e for e in of("flow") if e["destination"].get("port") == 80]
        self.assertEqual([e["event"]["reason"] for e in web], ["revised", "eof"])
        self.assertEqual(web[0]["segmon"]["revised"],
                         {"cause": "policy", "verdict": "allowed", "rule": "web"})
        self.assertEqual({e["segmon"]["verdict"] for e in web}, {"violation"})
        self.assertEqual({e["segmon"]["policy"]["revision"] for e in web}, {"2"})
        told = of("violation")
        self.assertEqual([e["segmon"]["violation"]["kind"] for e in told],
                         ["new", "escalate"])
        self.assertEqual({e["segmon"]["reason"] for e in told}, {"policy-change"})
        changes = [e["segmon"] for e in of("status")
                   if e["segmon"]["status"]["cause"] == "policy"]
        self.assertEqual([c["policy"].get("revision") for c in changes], ["1", "2", "2"])
        self.assertRegex(changes[2]["status"]["notes"][0],
                         r"refused: .*policy\.yaml:2:1: E-UNKNOWN-KEY")

    def test_live_flows_are_judged_again_and_a_bad_policy_changes_nothing(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.check_events(self.change(workers))


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
