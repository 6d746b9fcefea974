"""segmon run on interfaces of its own: two network namespaces, and pairs of virtual
interfaces between them.  Captures are sent in at one end, the program listens at
the other.  Names carry the process id, so nothing else on the machine is touched."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402

SEGMON = SEND = None  # The programs; set by who is run.
WAIT = 30  # Seconds, for what should take less than one.
NAME = f"segmon-live-{os.getpid()}"


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True)


def inside(end, *command):
    return ["ip", "netns", "exec", f"{NAME}-{end}", *map(str, command)]


def add_link(number=0):
    """A pair: 'w0' to write to, 'r0' to read from."""
    ip("-n", f"{NAME}-w", "link", "add", f"w{number}", "mtu", 9000, "type", "veth",
       "peer", "name", f"r{number}", "mtu", 9000, "netns", f"{NAME}-r")
    for end in "wr":
        ip("-n", f"{NAME}-{end}", "link", "set", f"{end}{number}", "up")


def add_networks():
    for end in "wr":
        ip("netns", "add", f"{NAME}-{end}")
        for which in ("all", "default"):  # Else they talk by themselves.
            subprocess.run(inside(end, "sysctl", "-qw",
                                  f"net.ipv6.conf.{which}.disable_ipv6=1"), check=True)
    add_link()


def remove_networks():
    for end in "wr":
        subprocess.run(["ip", "netns", "del", f"{NAME}-{end}"], check=False)


class Live(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.policy = self.path / "policy.yaml"
        self.output = self.path / "events.ndjson"
        self.run_ = None
        self.sent = 0

    def start(self, *options, interface="r0", ready="capturing", end="r", environment=None,
              program=None, wrapper=(), config=None):
        """With JOURNAL_STREAM="" in the environment, what it says goes to the journal.  A
        configuration file says where to capture, and where events go."""
        if self.run_:
            self.kill()
        if self.output.is_file():  # Else it is appended to.
            self.output.write_bytes(b"")
        self.talk = []
        self.sent = 0
        self.discarded_before = backlog_drops()
        self.said = threading.Condition()
        environment = {**os.environ, **(environment or {})}
        ear, mouth = os.pipe()
        if "JOURNAL_STREAM" in environment:
            status = os.fstat(mouth)
            environment["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        where = ("-C", config) if config else ("-i", interface, "-o", self.output)
        if not config and self.output.is_file():  # Of a run before, which this one would add to.
            self.output.write_text("")
        self.run_ = subprocess.Popen(
            inside(end, *wrapper, program or SEGMON, "run", *where, *options),
            stderr=mouth, env=environment)
        os.close(mouth)
        self.ear = open(ear, "rb")
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()
        self.addCleanup(self.kill)
        if ready:
            for name in interface.split(","):
                self.wait_for(f"{name}: {ready}")

    def kill(self):
        if self.run_.poll() is None:
            self.run_.kill()
            self.run_.wait()
        self.listener.join()
        self.ear.close()

    def listen(self):
        for line in self.ear:
            with self.said:
                self.talk.append(line.decode())
                self.said.notify()
        with self.said:
            self.talk.append("")  # The end.
            self.said.notify()

    def wait_for(self, text, n=1, after=0):
        """Until it was said n times, not counting the lines before 'after'."""
        def times():
            return sum(text in line for line in self.talk[after:])

        with self.said:
            good = self.said.wait_for(lambda: times() >= n or "" in self.talk, WAIT)
        told = [line for line in self.talk if ": state" not in line]
        self.assertTrue(good and times() >= n, f"{n} times {text!r} in {told}")

    def said_lines(self):
        return "".join(self.talk).splitlines()

    def stop(self, status=128 + signal.SIGTERM):
        """Ends it; its events."""
        began = time.monotonic()
        self.run_.terminate()
        self.assertEqual(self.run_.wait(WAIT), status, self.talk)
        self.stopped_in = time.monotonic() - began
        self.listener.join()
        return self.events()

    def events(self):
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def capture(self, frames, name="sent.pcap"):
        path = self.path / name
        path.write_bytes(p.pcap(frames))
        return path

    def send(self, path, rounds=1, pace=0, link="w0"):
        """Sends a capture; how many frames that were."""
        run = subprocess.run(inside("w", SEND, link, path, rounds, pace), check=True,
                             capture_output=True, timeout=120)
        self.sent += int(run.stdout)
        return int(run.stdout)

    def discarded(self):
        """Of the frames sent to this run, those that never got to a capture."""
        return backlog_drops() - self.discarded_before

    def state(self):
        """Numbers of what the program says when it is asked, by part: 'flows' 'created'."""
        with self.said:
            begin = len(self.talk)
        self.run_.send_signal(signal.SIGUSR1)
        self.wait_for("state interfaces 0: ", after=begin)
        found = {}
        for line in self.talk[begin:]:
            _, marker, text = line.partition("state ")
            part, _, items = text.partition(": ")
            if marker:
                found[part] = {words[0]: int(words[1]) for words in map(str.split, items.split(", "))
                               if words[1:] and words[1].isdigit()}
        return found

    def settle(self, frames=None):
        """Until so many frames, or all that were sent and not discarded, have been read, or
        were lost in the kernel."""
        end = time.monotonic() + WAIT
        while True:
            capture = self.state()["capture"]
            wanted = self.sent - self.discarded() if frames is None else frames
            if capture["frames"] + capture["kernel_drops"] >= wanted:
                return
            self.assertLess(time.monotonic(), end, (wanted, capture))
            time.sleep(0.1)

    def wait_for_events(self, condition, seconds=WAIT):
        """Until the events so far are as they shall be."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self.output.read_text()
            lines = text[:text.rfind("\n") + 1].splitlines()
            if condition([json.loads(line) for line in lines]):
                return
            time.sleep(0.05)
        self.fail(f"not in {seconds} seconds; {self.talk}")

    def replay(self, *paths, options=()):
        output = self.path / "replay.ndjson"
        subprocess.run([SEGMON, "replay", "-q", "-o", output, *options, *paths], check=True)
        return [json.loads(line) for line in output.read_text().splitlines()]

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.run_.pid}/stat").read_text().rsplit(")")[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def backlog_drops():
    """Frames that the interfaces' queue had no room for, before any capture."""
    shown = subprocess.run(["ip", "-n", f"{NAME}-r", "-s", "-j", "link", "show"],
                           check=True, capture_output=True).stdout
    return sum(link["stats64"]["rx"]["dropped"] for link in json.loads(shown))


def conversations(n, dport=80):
    frames = []
    for i in range(n):
        frames += p.tcp_session(f"10.1.{i // 250}.{i % 250 + 1}", f"10.2.0.{i % 7 + 1}", dport,
                                sport=20000 + i, request=b"GET / HTTP/1.0\r\n\r\n",
                                response=b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 600)
    return frames


def reason_to_skip():
    if os.geteuid() != 0:
        return "needs root to make network namespaces"
    if not shutil.which("ip"):
        return "'ip' is missing (iproute2)"
    probe = f"{NAME}-probe"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return "this machine makes no network namespaces"
    made = subprocess.run(["ip", "-n", probe, "link", "add", "v0", "type", "veth", "peer", "name",
                           "v1"], capture_output=True)
    subprocess.run(["ip", "netns", "del", probe], check=False)
    return "this kernel lacks veth" if made.returncode else None
