#!/usr/bin/env python3
"""segmon run as a service: what it tells its manager and the journal.  See live.py:
test_service.py SEGMON SEND_FRAMES SEGMON_FAILING.  Needs root and says so: status 77."""
import errno
import os
import pathlib
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

import live
import redis_server as redis
from live import Live
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

SANITIZED = os.environ.get("SEGMON_BUILD") in ("Asan", "Tsan")
CAP_NET_RAW = 1 << 13
JOURNAL = {"JOURNAL_STREAM": ""}


class Log(Live):
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


class Notify(Live):
    """The service manager is this test: what it hears."""

    def setUp(self):
        super().setUp()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(str(self.path / "notify"))
        self.heard = []
        self.failed = self.path / "failed"

    def serve(self, *options, failpoint="", watchdog=None, **where):
        environment = {"NOTIFY_SOCKET": str(self.path / "notify")}
        if watchdog:
            environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        if failpoint:
            environment |= {"SEGMON_FAILPOINT": failpoint,
                            "SEGMON_FAILPOINT_FILE": str(self.failed)}
        self.start(*options, environment=environment, program=FAILING if failpoint else None,
                   **where)

    def hear(self, text, seconds=live.WAIT):
        """Until the manager hears this; None if it does not."""
        end = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            self.heard.append(self.socket.recv(4096).decode())
            if text in self.heard[-1]:
                return self.heard[-1]
        return None

    def must_hear(self, text):
        said = self.hear(text)
        self.assertIsNotNone(said, f"{text!r} in {self.heard}")
        return said

    def test_ready_is_told_when_it_captures_and_stopping_when_it_ends(self):
        self.serve("-w", "2")
        self.must_hear("READY=1")
        self.stop()
        self.must_hear("STOPPING=1")
        self.assertEqual([m for m in self.heard if not m.startswith("STATUS=")],
                         ["READY=1", "STOPPING=1"])

    def test_ready_is_not_told_by_a_run_that_fails(self):
        self.serve(interface="none", ready=None)
        self.assertEqual(self.run_.wait(live.WAIT), 1)
        self.assertIsNone(self.hear("READY=1", 0.2))

    def test_reloading_ends_with_ready_also_when_the_policy_is_refused(self):
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        self.serve("-p", self.policy)
        self.must_hear("READY=1")
        for text, refused in (("version: 7\n", True), (self.policy.read_text(), False)):
            self.policy.write_text(text)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self.run_.send_signal(signal.SIGHUP)
            said = self.must_hear("RELOADING=1")
            self.assertRegex(said, r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self.assertLessEqual(before, int(said.split("=")[-1]))
            self.assertGreaterEqual(after, int(said.split("=")[-1]))
            status = self.must_hear("STATUS=")
            self.assertEqual("the last policy was refused" in status, refused, status)
            self.must_hear("READY=1")
        self.stop()

    def test_status_is_a_line_at_each_heartbeat(self):
        self.serve("--heartbeat", "1", "-w", "2")
        sent = self.send(self.capture(live.conversations(10)))
        said = self.must_hear(f"{sent} frames, 0 lost; 10 flows")
        self.assertRegex(said, r"^STATUS=captures on 1 of 1 interfaces: [^\n]+; 1 of 1 outputs "
                               r"work$")
        live.ip("-n", f"{live.NAME}-r", "link", "set", "r0", "down")
        self.must_hear("captures on 0 of 1 interfaces")
        live.ip("-n", f"{live.NAME}-r", "link", "set", "r0", "up")
        self.must_hear("captures on 1 of 1 interfaces")

    def test_an_idle_link_is_no_reason_for_the_watchdog(self):
        self.serve("-w", "2", watchdog=1)
        for _ in range(5):
            self.must_hear("WATCHDOG=1")
        self.stop()

    def test_nor_is_a_reader_of_the_output_who_does_not_read(self):
        """Whoever reads a pipe may take all the time in the world."""
        reader = subprocess.Popen(["sleep", "1000"], stdin=subprocess.PIPE)
        self.addCleanup(reader.stdin.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.output = pathlib.Path(f"/proc/{reader.pid}/fd/0")
        self.serve("--heartbeat", "1", watchdog=1)
        self.send(self.capture(live.conversations(2000)), 10)
        self.wait_until_full(reader.stdin)
        while self.hear("WATCHDOG=1", 0.01):
            pass
        for _ in range(5):
            self.must_hear("WATCHDOG=1")

    def wait_until_full(self, pipe):
        end = time.monotonic() + live.WAIT
        while select.select([], [pipe], [], 0)[1]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_each_thread_that_sticks_is(self):
        for point, who in (("stick-worker", "worker 0"), ("stick-desk", "violations"),
                           ("stick-output", "output")):
            with self.subTest(point):
                self.failed.unlink(missing_ok=True)
                self.serve("-w", "2", failpoint=point, watchdog=2)
                for _ in range(3):
                    self.must_hear("WATCHDOG=1")
                self.failed.touch()
                self.wait_until_stuck(who)
                while self.hear("WATCHDOG=1", 0):
                    pass
                self.assertIsNone(self.hear("WATCHDOG=1", 2), self.heard)
                self.kill()

    def wait_until_stuck(self, who):
        """Others may seem to be on a busy machine, before or besides."""
        with self.said:
            self.assertTrue(self.said.wait_for(
                lambda: any("threads that are stuck: " in line and who in line
                            for line in self.talk), live.WAIT), self.talk)

    def test_redis_that_is_down_is_no_reason_either(self):
        if not redis.SERVER:
            self.skipTest("redis-server is missing")
        server = redis.Server(self.folder.name)
        self.addCleanup(server.kill)
        self.serve("--heartbeat", "1", "--redis", server.uri, watchdog=4)
        self.must_hear("WATCHDOG=1")
        server.kill()
        self.wait_for("fails: ")
        while self.hear("WATCHDOG=1", 0):
            pass
        for _ in range(5):
            self.must_hear("WATCHDOG=1")


class Privileges(Live):
    """As root starts it, and as another user does who was given CAP_NET_RAW."""

    USER = pwd.getpwnam("nobody")

    def setUp(self):
        super().setUp()
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        os.chown(self.path, self.USER.pw_uid, 0)

    def status(self):
        """Of each thread."""
        for task in pathlib.Path(f"/proc/{self.run_.pid}/task").iterdir():
            yield dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines()
                       if ":\t" in line)

    def check_status(self):
        n = 0
        for status in self.status():
            self.assertEqual(status["Uid"].split(), [str(self.USER.pw_uid)] * 4)
            self.assertEqual(status["Gid"].split(), [str(self.USER.pw_gid)] * 4)
            self.assertLessEqual(set(status["Groups"].split()), {str(self.USER.pw_gid)})
            for name, wanted in (("CapEff", CAP_NET_RAW), ("CapPrm", CAP_NET_RAW), ("CapInh", 0),
                                 ("CapAmb", 0)):
                self.assertEqual(int(status[name], 16), wanted, name)
            self.assertEqual(status["NoNewPrivs"], "1")
            n += 1
        # The command, the output, two workers, and violations.
        (self.assertGreaterEqual if SANITIZED else self.assertEqual)(n, 5)

    def check_secrets(self):
        self.assertIn("Max core file size        0                    0",
                      pathlib.Path(f"/proc/{self.run_.pid}/limits").read_text())
        if not SANITIZED:  # Not even its own user may look at it.
            self.assertEqual(os.stat(f"/proc/{self.run_.pid}/mem").st_uid, 0)

    def test_are_dropped_to_those_of_a_user_and_to_capture(self):
        self.start("--user", self.USER.pw_name, "-w", "2", "-p", self.policy)
        self.check_status()
        self.assertEqual({status["CapBnd"].strip("0") for status in self.status()}, {""})
        self.check_secrets()
        self.assertEqual(self.output.stat().st_uid, self.USER.pw_uid)

    def test_are_dropped_by_a_user_who_was_given_more(self):
        self.start("-w", "2", wrapper=[
            "setpriv", f"--reuid={self.USER.pw_uid}", f"--regid={self.USER.pw_gid}",
            "--clear-groups", "--inh-caps=+net_raw,+net_admin,+sys_ptrace",
            "--ambient-caps=+net_raw,+net_admin,+sys_ptrace"])
        self.check_status()
        self.check_secrets()

    def test_suffice_for_an_interface_that_comes_back_and_another_policy(self):
        self.start("--user", self.USER.pw_name, "-w", "2", "-p", self.policy)
        live.ip("-n", f"{live.NAME}-r", "link", "del", "r0")
        self.wait_for("r0: lost")
        live.add_link()
        self.wait_for("r0: capturing", 2)
        self.run_.send_signal(signal.SIGHUP)
        self.wait_for("is in force")
        sent = self.send(self.capture(live.conversations(10)))
        self.settle()
        events = self.stop()
        self.assertEqual(events[-1]["segmon"]["status"]["capture"]["frames"], sent)

    def test_do_not_reach_what_the_user_may_not_open(self):
        """Which is said at the start, and not when a policy is read again."""
        self.policy.chmod(0o600)
        os.chown(self.policy, 0, 0)
        os.chown(self.path, 0, 0)
        self.path.chmod(0o755)
        for options, said in ((["-p", self.policy],
                               f"{self.policy}: E-FILE: this user may not read it"),
                              ([], f"{self.output}: cannot be written: Permission denied")):
            with self.subTest(said):
                self.start("--user", self.USER.pw_name, *options, ready=None)
                self.assertIn(self.run_.wait(live.WAIT), (1, 2))
                self.listener.join()
                self.assertIn(f"segmon run: {said}\n", self.talk)

    def test_of_another_user_are_for_root_to_give(self):
        self.start("--user", "daemon", ready=None, wrapper=["setpriv", "--reuid=65534"])
        self.assertEqual(self.run_.wait(live.WAIT), 1)
        self.listener.join()
        self.assertIn("segmon run: only root can become the user 'daemon'\n", self.talk)
        self.start("--user", "nobody-of-this-name", ready=None)
        self.assertEqual(self.run_.wait(live.WAIT), 1)
        self.listener.join()
        self.assertIn("segmon run: there is no user 'nobody-of-this-name'\n", self.talk)

    def test_a_password_does_not_stay_in_the_environment(self):
        if not redis.SERVER:
            self.skipTest("redis-server is missing")
        server = redis.Server(self.folder.name, "--requirepass", "open-sesame")
        self.addCleanup(server.kill)
        self.start("--redis", server.uri, environment={"SEGMON_REDIS_PASSWORD": "open-sesame"})
        environment = pathlib.Path(f"/proc/{self.run_.pid}/environ").read_bytes()
        self.assertIn(b"SEGMON_REDIS_PASSWORD=", environment)
        self.assertNotIn(b"sesame", environment)


class Sandbox(Live):
    """Calls that the program never makes, made by it nevertheless."""

    KILLED = -signal.SIGSYS
    # What an intruder wants ends the process, other calls do and are told, some fail.
    DENIED = {
        **dict.fromkeys(("execve", "execveat", "ptrace", "process_vm_writev", "unshare", "mount",
                         "bpf", "io_uring_setup"), (KILLED, None)),
        **dict.fromkeys(("kill", "listen", "prctl", "ioctl"), (KILLED, "{}()")),
        "fork": (KILLED, "clone()"), "clone-user": (KILLED, "clone()"),
        "unknown": (KILLED, "1000"), "clone3": (errno.ENOSYS, None),
        "socket": (errno.EAFNOSUPPORT, None), "mmap": (errno.EACCES, None),
        "mprotect": (errno.EACCES, None), "prlimit64": (errno.EPERM, None)}
    # A sanitizer needs some of them, and has the others fail: its report gets out.
    if SANITIZED:
        DENIED |= dict.fromkeys(("execve", "execveat", "process_vm_writev", "unshare", "mount",
                                 "bpf", "io_uring_setup"), (errno.EPERM, None))
        for name in ("ptrace", "kill", "fork", "clone3"):
            del DENIED[name]

    def run_with(self, failpoint, *command):
        return subprocess.run([FAILING, *command], capture_output=True, text=True,
                              env={**os.environ, "SEGMON_FAILPOINT": failpoint})

    def check_denied(self, name, run):
        status, said = self.DENIED[name]
        ends = {status, 128 - status} if SANITIZED else {status}  # It may keep signals back.
        self.assertIn(run.returncode, ends, run.stderr)
        if said:
            self.assertIn(f"{said.format(name)}", run.stderr)
            self.assertIn("is not allowed here", run.stderr)

    def setUp(self):
        super().setUp()
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        self.sample = self.capture(live.conversations(3))

    def test_denies_each_of_them_to_a_check_and_a_replay(self):
        for name in self.DENIED:
            with self.subTest(name):
                for command in ("check",), ("replay", self.sample):
                    self.check_denied(name, self.run_with(f"command-{name}", *command, "-p",
                                                          self.policy))

    def test_denies_them_to_each_thread(self):
        for thread in "worker", "output":
            for name in "execve", "kill":
                if name in self.DENIED:
                    with self.subTest(thread=thread, name=name):
                        run = subprocess.run(
                            live.inside("r", FAILING, "run", "-i", "r0", "-w", "2", "-o",
                                        self.output), capture_output=True, text=True,
                            timeout=live.WAIT,
                            env={**os.environ, "SEGMON_FAILPOINT": f"{thread}-{name}"})
                        self.check_denied(name, run)

    def test_has_a_priority_in_the_journal(self):
        self.start("-p", self.policy, ready=None, program=FAILING, environment={
            **JOURNAL, "SEGMON_FAILPOINT": "command-listen"})
        self.wait_for("listen(), is not allowed here")
        self.assertRegex(self.said_lines()[-1], r"^<3>the system call \d+, ")

    def test_lets_through_what_the_program_does(self):
        for command in ("check", "-p", self.policy), ("replay", "-p", self.policy, self.sample):
            run = self.run_with("command-allowed", *command)
            self.assertEqual(run.returncode, 0, run.stderr)

    def test_can_be_left_out(self):
        """So what is denied above would have been done without."""
        for name, status in (("fork", 0), ("mmap", 0), ("prctl", 0),
                             ("execve", errno.ENOENT), ("mount", errno.EFAULT)):
            for command in ("check", "-p", self.policy), ("replay", "-p", self.policy, self.sample):
                run = self.run_with(f"command-{name}", *command, "--no-sandbox")
                self.assertEqual(run.returncode, status, run.stderr)

    def test_is_on_in_every_thread(self):
        self.start("-w", "2")
        for task in pathlib.Path(f"/proc/{self.run_.pid}/task").iterdir():
            self.assertIn("Seccomp:\t2\n", (task / "status").read_text())


class Limits(Live):
    """A run that is not given enough to begin says what is missing, and ends."""

    def begin(self, *wrapper, failpoint="", options=("-w", "2"), program=None):
        """Status and last line; none if it captures."""
        self.start(*options, ready=None, wrapper=wrapper, program=program or FAILING,
                   environment={"SEGMON_FAILPOINT": failpoint})
        with self.said:
            self.assertTrue(self.said.wait_for(
                lambda: "" in self.talk or "segmon run: r0: capturing\n" in self.talk, live.WAIT))
            captures = "" not in self.talk
        if captures:
            self.kill()
            return None
        return self.run_.wait(live.WAIT), "".join(self.talk[-2:])

    def check_told(self, ended, reasons):
        self.assertEqual(ended[0], 1, ended)
        self.assertRegex(ended[1], f"^segmon run: .*({reasons})")

    def test_of_descriptors(self):
        ended = {n: self.begin("prlimit", f"--nofile={n}") for n in range(4, 24)}
        for n in sorted(ended):
            if ended[n]:
                with self.subTest(n=n):
                    self.check_told(ended[n], "Too many open files|eventfd|shared object file")
        self.assertIsNone(ended[23])
        self.assertGreater(sum(map(bool, ended.values())), 2)

    @unittest.skipIf(SANITIZED, "a sanitizer needs one, too, to look for leaks")
    def test_of_threads(self):
        user = pwd.getpwnam("nobody")
        os.chown(self.path, user.pw_uid, 0)
        ended = self.begin("setpriv", f"--reuid={user.pw_uid}", "--clear-groups",
                           "--inh-caps=+net_raw", "--ambient-caps=+net_raw",
                           "prlimit", "--nproc=1",
                           program=shutil.copy(FAILING, self.path))
        self.check_told(ended, "cannot start .*thread")

    @unittest.skipIf(SANITIZED, "a sanitizer takes all addresses")
    def test_of_addresses(self):
        told = 0
        for mebibytes in (*range(20, 120, 4), 200, 300, 400, 600):
            ended = self.begin("prlimit", f"--as={mebibytes << 20}")
            with self.subTest(mebibytes=mebibytes):
                if ended and ended[0] != 127:  # The dynamic linker's own.
                    self.check_told(ended, "memory|Cannot allocate|cannot start .*thread")
                    told += 1
        self.assertGreater(told, 3)

    @unittest.skipIf(SANITIZED, "a sanitizer has a heap of its own")
    def test_of_memory_at_any_allocation(self):
        self.policy.write_text("version: 1\npolicy: {name: p, revision: '1'}\n")
        told = 0
        for nth in (*range(1, 60), *range(60, 400, 7)):
            for how in "", "-on":
                with self.subTest(nth=nth, how=how):
                    ended = self.begin(failpoint=f"malloc-{nth}{how}",
                                       options=("-p", self.policy))
                    if ended:
                        self.assertIn(ended[0], (1, 2), ended)
                        self.assertRegex(ended[1], "^segmon run: ")
                        told += 1
        self.assertGreater(told, 50)


if __name__ == "__main__":
    live.SEGMON, live.SEND, FAILING = sys.argv[1:4]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_service.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
