"""A sensor between a span port and Redis, while something goes wrong.

Conversations that are known come by on one of live.py's interfaces; segmon run
writes what it sees to Redis and, beside it, to a file, which nothing goes wrong
with.  So what Redis must hold in the end is known event by event: what the file
holds, each once, in that order."""
import collections
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/tools")]
sys.dont_write_bytecode = True
import ladder  # noqa: E402
import live  # noqa: E402
import redis_server  # noqa: E402
from live import WAIT, p  # noqa: E402

SANITIZED = os.environ.get("SEGMON_BUILD") in ("Asan", "Tsan")
SLOW = 5 if SANITIZED else 1
PATIENCE = 3 * WAIT  # For all that waited to arrive.
KINDS = ("flow", "violation", "status")
N = 200  # Conversations of one round, each a flow and a violation.
PACE = 8000  # Frames a second: of these conversations a thousand a second.
MEMORY = 384 << 20
BACK_IN = 2  # Seconds from when a server is back to when it gets events again:
ALLOWANCE = 4  # this long, and what a machine with much to do may add.

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
RESPONSE = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: no-web, from: users, to: servers, service: tcp/80, action: deny}
"""


def kind_of(event):
    return event["event"]["dataset"].split(".")[1]


def by_kind(events):
    """The ids of events, in their order."""
    found = {kind: [] for kind in KINDS}
    for event in events:
        found[kind_of(event)].append(event["event"]["id"])
    return found


def in_redis(server, sensor="lab"):
    """What streams hold, as events; an entry is what it says it is, and above the last."""
    found = {}
    for kind in KINDS:
        last, events = (0, 0), []
        for name, fields in server.entries(kind, sensor):
            assert name > last, (kind, name, last)
            last = name
            event = json.loads(fields[b"event"])
            assert event["event"]["id"] == fields[b"id"].decode(), fields
            assert kind_of(event) == kind == fields[b"type"].decode(), fields
            events.append(event)
        found[kind] = events
    return found


def gaps(events):
    """Status events that tell what is missing."""
    return [event for event in events
            if event["segmon"].get("status", {}).get("cause") == "gap"]


class Traffic(threading.Thread):
    """Conversations that are sent beside what a test does."""

    def __init__(self, test, path, pace):
        super().__init__()
        self.test, self.path, self.pace = test, path, pace

    def run(self):
        self.test.send(self.path, 1, self.pace)


def conversations(first, n):
    """No two are between the same ends."""
    frames = []
    for i in range(first, first + n):
        frames += p.tcp_session(f"10.1.{i // 250 % 250}.{i % 250 + 1}", "10.2.0.1", 80,
                                sport=20000 + i // 62500 * 100 + i % 97, request=REQUEST,
                                response=RESPONSE)
    return frames


class Sensor(live.Live):
    SERVER = ()  # Arguments of redis-server.

    def setUp(self):
        super().setUp()
        self.policy.write_text(POLICY)
        self.spool = self.path / "spool"
        self.n_conversations = 0
        self.traffic = None
        self.server = self.serve(*self.SERVER)

    def serve(self, *arguments, wrapper=()):
        folder = tempfile.TemporaryDirectory(prefix="segmon-redis-")
        self.addCleanup(folder.cleanup)
        server = redis_server.Server(folder.name, *arguments, wrapper=wrapper)
        server.folder = pathlib.Path(folder.name)
        self.addCleanup(self.end_server, server)
        return server

    @staticmethod
    def end_server(server):
        if server.process.poll() is None:
            server.signal(signal.SIGCONT)
            server.kill()

    def begin(self, *options, uri=None, spool=True, **where):
        """The sensor, which captures."""
        where_to_wait = ("--set", f"spool.directory={self.spool}") if spool else ()
        self.start("-p", self.policy, "-r", uri or self.server.uri, *where_to_wait,
                   "--sensor", "lab", "--no-dpi", "--memory", str(MEMORY), "--buffer", "64M",
                   "--set", "flows.timeouts.tcp_closing=1", *options, **where)

    def go(self, rounds=1, pace=PACE):
        """Conversations, while the test goes on: see rest()."""
        self.rest()
        path = self.capture(conversations(self.n_conversations, rounds * N))
        self.traffic = Traffic(self, path, pace)
        self.traffic.start()
        self.n_conversations += rounds * N

    def rest(self):
        """Until all that was to be sent is."""
        if self.traffic:
            self.traffic.join()
            self.traffic = None

    def send_round(self, rounds=1):
        self.go(rounds)
        self.rest()

    # What is there.

    def n_written(self, kind="flow"):
        return self.output.read_bytes().count(b'"dataset":"segmon.%s"' % kind.encode())

    def n_stored(self, kind="flow", server=None):
        n = (server or self.server).call("XLEN", "segmon:{lab}:%s" % kind)
        return n if isinstance(n, int) else 0

    def wait_until(self, condition, what, seconds=PATIENCE, pause=0.05):
        """How long that took."""
        began = time.monotonic()
        while not condition():
            self.assertIsNone(self.run_.poll(), f"segmon has ended; {self.talk}")
            self.assertLess(time.monotonic() - began, seconds, f"{what}; {self.talk}")
            time.sleep(pause)
        return time.monotonic() - began

    def wait_until_written(self, n=None):
        """All conversations have ended, and the file has them."""
        self.rest()
        n = self.n_conversations if n is None else n
        self.wait_until(lambda: self.n_written() >= n, f"{n} flows are not written")

    def wait_until_stored(self, server=None):
        """Redis has what the file has."""
        self.wait_until_written()
        for kind in KINDS:
            self.wait_until(lambda: self.n_stored(kind, server) >= self.n_written(kind),
                            f"not all events of kind {kind} are stored")

    def wait_until_back(self, server=None):
        """The server can be written to from now on: how long the sensor took to see."""
        def is_back():
            n = self.n_stored(server=server)
            return n > before or n == self.n_written()

        before = self.n_stored(server=server)
        took = self.wait_until(is_back, "the sensor does not come back", pause=0.01)
        print(f"back after {took:.2f} s", end=" ", file=sys.stderr, flush=True)
        self.assertLess(took, (BACK_IN + ALLOWANCE) * SLOW)
        return took

    def said_times(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.said_lines())

    def wait_until_down(self, why="", n=1):
        self.wait_for(f": fails: {why}", n)

    def memory_at_most(self):
        """Bytes of it that were resident at any time."""
        text = pathlib.Path(f"/proc/{self.run_.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) << 10

    # The oracle.

    def finish(self, status=128 + signal.SIGTERM, server=None, dropped=False, known=True):
        """Ends the sensor, and looks whether everything came once and in order; the last
        status event.  What came through is looked at by the caller if some was dropped; what
        flows there are, if that is not known."""
        self.rest()
        if not SANITIZED:
            self.assertLess(self.memory_at_most(), MEMORY)
        written = self.stop(status)
        last = written[-1]["segmon"]["status"]
        self.assertEqual(last["cause"], "end")
        self.assertEqual(ladder.wrong(last), [])
        self.assertEqual(last["capture"]["kernel_drops"], 0)
        lost = self.discarded()
        self.assertEqual(last["capture"]["frames"] + lost, self.sent)
        if known and not lost:
            self.assertEqual(len(by_kind(written)["flow"]), self.n_conversations)
        if not dropped:
            self.check_streams(written, server)
        return last

    def check_streams(self, written, server=None):
        stored = in_redis(server or self.server)
        for kind, wanted in by_kind(written).items():
            found = [event["event"]["id"] for event in stored[kind]]
            if found != wanted:
                self.fail(f"{kind}: {difference(found, wanted)}")


def difference(found, wanted):
    """In a few words, of two lists of ids."""
    twice = [name for name, n in collections.Counter(found).items() if n > 1]
    missing = sorted(set(wanted) - set(found))
    foreign = sorted(set(found) - set(wanted))
    return (f"{len(found)} entries for {len(wanted)} events; {len(twice)} twice {twice[:3]}, "
            f"{len(missing)} missing {missing[:3]}, {len(foreign)} foreign {foreign[:3]}"
            + ("" if twice or missing or foreign else "; in another order"))


def main(name):
    """NAME SEGMON SEND_FRAMES [PROGRAM...] [-- unittest's]; the other programs."""
    arguments = sys.argv[1:]
    own = arguments.index("--") if "--" in arguments else len(arguments)
    live.SEGMON, live.SEND, *others = arguments[:own]
    reason = live.reason_to_skip() or (None if redis_server.SERVER else "no redis-server")
    if reason:
        print(f"{name}: skipped: {reason}")
        sys.exit(77)
    return others, [sys.argv[0], *arguments[own + 1:]]
