#!/usr/bin/env python3
"""segmon replay into a real Redis: test_replay_redis.py SEGMON [unittest options].

Every test has a redis-server of its own, on a Unix socket in a folder of its
own; nothing else on the machine is touched.  Skipped without redis-server."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packets as p  # noqa: E402
import processes  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
KINDS = ("flow", "violation", "status")
N_FLOWS = 300
PATIENCE = 10  # Seconds that segmon waits for a server without progress.

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
"""


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class ReplayRedis(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = self.serve()
        sessions = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(N_FLOWS)]
        self.content = p.pcap(sessions)
        self.capture = self.file("a.pcap", self.content)
        self.policy = self.file("policy.yaml", POLICY.encode())

    def serve(self, *arguments):
        server = Server(self.folder, *arguments)
        self.addCleanup(lambda: server.kill())
        return server

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        pathlib.Path(path).write_bytes(content)
        return path

    def arguments(self, *more, uri=None):
        return [SEGMON, "replay", "-p", self.policy, "--redis", uri or self.server.uri, *more]

    def replay(self, *more, status=0, uri=None, environment=None):
        begin = time.monotonic()
        run = subprocess.run(self.arguments(*more, self.capture, uri=uri), timeout=60,
                             capture_output=True, text=True, stdin=subprocess.DEVNULL,
                             env={**os.environ, **(environment or {})})
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertLess(time.monotonic() - begin, 3 * PATIENCE)
        return run

    def feed(self, *more):
        """A run that reads the capture from a pipe, so that it can be caught
        in the middle."""
        run = subprocess.Popen(self.arguments(*more, "-"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.stderr.close)
        half = len(self.content) // 2
        run.stdin.write(self.content[:half])
        run.stdin.flush()
        processes.wait_until_it_catches(run.pid, signal.SIGTERM)
        processes.wait_until_read(run.stdin)
        return run, self.content[half:]

    def end(self, run, rest, status):
        run.stdin.write(rest)
        run.stdin.close()
        run.stdin = None
        out, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, status, err)
        return out.decode(), err.decode()

    def assert_stream(self, kind, expected):
        """The entries hold the lines of this kind, in order, ids increasing."""
        entries = list(self.server.entries(kind))
        self.assertEqual([fields[b"event"].decode() for _, fields in entries], expected)
        ids = [name for name, _ in entries]
        self.assertEqual(ids, sorted(set(ids)))
        for _, fields in entries:
            self.assertEqual(json.loads(fields[b"event"])["event"]["id"], fields[b"id"].decode())
            self.assertEqual(fields[b"type"].decode(), kind)

    def lines(self, path):
        lines = {kind: [] for kind in KINDS}
        for line in pathlib.Path(path).read_text().splitlines():
            lines[json.loads(line)["event"]["dataset"].split(".")[1]].append(line)
        return lines

    def test_streams_hold_what_the_file_holds(self):
        output = os.path.join(self.folder, "events")
        self.replay("-o", output)
        lines = self.lines(output)
        self.assertEqual(len(lines["flow"]), N_FLOWS)
        for kind in KINDS:
            self.assert_stream(kind, lines[kind])

    def test_a_second_run_continues_the_streams(self):
        both = {kind: [] for kind in KINDS}
        for name in ("first", "second"):
            output = os.path.join(self.folder, name)
            self.replay("-o", output)
            for kind, lines in self.lines(output).items():
                both[kind] += lines
        for kind in KINDS:
            self.assert_stream(kind, both[kind])

    def test_a_server_that_is_not_there_is_told_at_once(self):
        for uri, word in (("unix:///nonexistent/socket", "No such file"),
                          ("redis://127.0.0.1:1", "refused"),
                          ("redis://nosuchhost.invalid", "nosuchhost.invalid")):
            run = self.replay("-q", uri=uri, status=1)
            self.assertIn(word, run.stderr)

    def test_a_mistyped_uri_is_a_mistake_of_usage(self):
        for uri in ("localhost", "redis://h:99999", "redisx://h", "http://h"):
            self.replay("-q", uri=uri, status=2)
            self.assertFalse(os.path.exists(uri))

    def test_the_password_counts_and_is_never_shown(self):
        self.server.kill()
        self.server = self.serve("--requirepass", "sesame")
        run = self.replay("-q", status=1)
        self.assertIn("NOAUTH", run.stderr)
        run = self.replay("-q", status=1, environment={"SEGMON_REDIS_PASSWORD": "hunter2"})
        self.assertIn("WRONGPASS", run.stderr)
        self.assertNotIn("hunter2", run.stderr)
        run = self.replay(environment={"SEGMON_REDIS_PASSWORD": "sesame"})
        self.assertNotIn("sesame", run.stderr + run.stdout)

    def test_the_password_may_be_in_a_file_that_not_everybody_reads(self):
        self.server.kill()
        self.server = self.serve("--requirepass", "sesame")
        path = os.path.join(self.folder, "password")
        with open(path, "w", encoding="ascii") as file:
            file.write("sesame\n")
        environment = {"SEGMON_REDIS_PASSWORD_FILE": path}
        os.chmod(path, 0o604)
        run = self.replay("-q", status=1, environment=environment)
        self.assertIn("everybody may read this password", run.stderr)
        os.chmod(path, 0o600)
        run = self.replay(environment=environment)
        self.assertNotIn("sesame", run.stderr + run.stdout)
        run = self.replay("-q", status=1,
                          environment={**environment, "SEGMON_REDIS_PASSWORD": "hunter2"})
        self.assertIn("WRONGPASS", run.stderr)

    def test_a_key_of_another_type_is_an_error(self):
        self.server.call("SET", "segmon:{lab}:flow", "x")
        self.assertIn("WRONGTYPE", self.replay("-q", status=1).stderr)

    def test_events_are_written_by_who_may_not_list_itself(self):
        """As in a Redis Cluster, where another node may have that key."""
        self.server.call("ACL", "SETUSER", "narrow", "on", ">sesame", "~segmon:{lab}:*",
                         "+xadd", "+xinfo", "+hset")
        self.replay(uri=self.server.uri.replace("unix://", "unix://narrow:sesame@"))
        self.assertEqual(len(list(self.server.entries("flow"))), N_FLOWS)
        self.assertEqual(self.server.call("EXISTS", "segmon:sensors"), 0)

    def test_a_server_killed_in_the_middle_is_counted_loss(self):
        output = os.path.join(self.folder, "events")
        run, rest = self.feed("-o", output)
        self.server.kill()
        out, err = self.end(run, rest, 1)
        self.assertIn("refused", err)
        self.assertRegex(out, r"[1-9]\d* of \d+ events did not reach redis")
        lines = self.lines(output)
        self.assertEqual(len(lines["flow"]), N_FLOWS)
        told = json.loads(lines["status"][0])["segmon"]["status"]["outputs"][0]
        self.assertFalse(told["up"])
        flows = told["events"]["flow"]
        self.assertEqual(flows["emitted"], N_FLOWS)
        self.assertEqual(flows["acked"] + flows["dropped"] + flows["spooled"], N_FLOWS)
        self.assertGreater(flows["dropped"], 0)

    def test_a_server_that_is_stopped_is_given_up(self):
        run, rest = self.feed()
        self.server.signal(signal.SIGSTOP)
        try:
            out, err = self.end(run, rest, 1)
        finally:
            self.server.signal(signal.SIGCONT)
        self.assertIn("no answer in time", err)
        self.assertIn("did not reach redis", out)

    def test_what_a_stopped_server_does_not_take_is_there_for_the_next_run(self):
        output = os.path.join(self.folder, "events")
        spool = os.path.join(self.folder, "spool")
        run, rest = self.feed("-o", output, "--spool", spool)
        self.server.signal(signal.SIGSTOP)
        try:
            out, _ = self.end(run, rest, 0)
        finally:
            self.server.signal(signal.SIGCONT)
        self.assertRegex(out, r"[1-9]\d* events wait in the spool for redis")
        lines = self.lines(output)
        os.remove(output)
        out = self.replay("-o", output, "--spool", spool).stdout
        self.assertNotIn("wait in the spool", out)
        for kind, more in self.lines(output).items():
            self.assert_stream(kind, lines[kind] + more)
            numbers = [int(fields[b"n"]) for _, fields in self.server.entries(kind)]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_a_signal_ends_a_run_whose_server_hangs(self):
        for workers in ("1", "2"):
            run, _ = self.feed("-q", "-w", workers)
            self.server.signal(signal.SIGSTOP)
            try:
                run.send_signal(signal.SIGTERM)
                self.assertEqual(run.wait(timeout=3 * PATIENCE), 128 + signal.SIGTERM)
            finally:
                self.server.signal(signal.SIGCONT)
                run.stdin.close()

    def test_a_restart_in_the_middle_loses_and_doubles_nothing(self):
        self.server.kill()
        self.server = self.serve("--appendonly", "yes", "--appendfsync", "always")
        output = os.path.join(self.folder, "events")
        run, rest = self.feed("-o", output)
        self.server.kill()
        self.server.start()
        self.end(run, rest, 0)
        lines = self.lines(output)
        for kind in KINDS:
            self.assert_stream(kind, lines[kind])


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
