"""A sensor that is killed over and over, and whether its events all came.

Every event has a number, event.sequence, and a run begins with 1.  So of each
run, which its events' ids name, Redis must hold the numbers from 1 to some last
one, without a hole, each once and in order: whatever was written to the spool
before the kill.  What Redis acknowledged must be among them, and what the run
wrote to a file before, but for the last of it: what it had not yet written to
the spool when it was killed is gone with it."""
import collections
import json
import pathlib
import random
import signal
import time

import sensor

UNWRITTEN = 512  # Events that a run may have in hand: of all its queues, one turn.
SMALL = ("--set", "spool.size=4M")  # Segments of 64 KiB: some 50 events each.
OVERFLOW = 15  # Rounds that do not fit in that.


def run_of(event):
    return event["event"]["id"].rsplit("-", 1)[0]


class Account:
    """What became of the events of many runs."""

    def __init__(self, stored):
        self.twice, self.missing, self.disordered = [], [], []
        self.told = self.n_told = 0  # Gaps, and events in them.
        self.last = {}
        numbers = collections.defaultdict(list)
        for kind in sensor.KINDS:
            before = {}
            for event in stored[kind]:
                if event in sensor.gaps(stored["status"]):
                    self.told += 1
                    self.n_told += event["segmon"]["status"]["gap"]["missing"]
                    continue
                run, number = run_of(event), event["event"]["sequence"]
                numbers[run].append(number)
                if number <= before.get(run, 0):
                    self.disordered.append(event["event"]["id"])
                before[run] = number
        for run, found in numbers.items():
            counts = collections.Counter(found)
            self.twice += [(run, n) for n, times in counts.items() if times > 1]
            self.last[run] = max(found)
            self.missing += [(run, n) for n in range(1, max(found)) if n not in counts]
        self.n = sum(map(len, numbers.values()))

    def lost_of(self, written):
        """Events that a run wrote to its file, and that came after the last of it in Redis."""
        return {run: last - self.last.get(run, 0) for run, last in last_of(written).items()
                if last > self.last.get(run, 0)}

    def wrong(self):
        """What is missing must have been told; so may be what was not yet written."""
        missing = [] if len(self.missing) <= self.n_told else self.missing
        return {name: list(values)[:5] for name, values in (
            ("twice", self.twice), ("missing", missing), ("disordered", self.disordered))
            if values}


def uncertain(server, kind, told):
    """Serials that are neither in the stream nor told as missing, or are both."""
    times = collections.Counter(int(fields[b"n"]) for _, fields in server.entries(kind, "lab"))
    for gap in told:
        if gap["kind"] == kind:
            times.update(range(gap["first_serial"], gap["last_serial"] + 1))
    return [n for n in range(1, max(times, default=0) + 1) if times[n] != 1]


def last_of(lines):
    """The last number of each run in a file, whose last line may be torn."""
    last = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        last[run_of(event)] = max(last.get(run_of(event), 0), event["event"]["sequence"])
    return last


class Killed(sensor.Sensor):
    """Runs one after the other, of one sensor with one spool."""

    SERVER = ("--appendonly", "yes")
    SYNC = "500ms"

    def setUp(self):
        super().setUp()
        self.written = []
        self.runs = 0

    def begin_run(self, *options, **where):
        self.runs += 1
        self.output = self.path / f"events-{self.runs}.ndjson"
        self.begin("--set", f"spool.sync={self.SYNC}", *options, **where)

    def end_run(self):
        self.rest()
        if self.output.exists():
            self.written += self.output.read_text(errors="replace").splitlines()
            self.output.unlink()

    def kill_run(self, after):
        """While conversations come by; whether it still ran."""
        time.sleep(after)
        ran = self.run_.poll() is None
        self.run_.kill()
        self.run_.wait()
        self.listener.join()
        self.end_run()
        return ran

    def last_run(self):
        """It gets everything out; what became of it all."""
        self.begin_run()
        self.send_round()
        self.wait_until(lambda: self.n_written() >= sensor.N, "flows are not written")
        events = self.stop()
        self.written += self.output.read_text().splitlines()
        waiting = events[-1]["segmon"]["status"]["outputs"]
        for output in waiting:
            for kind, n in output["events"].items():
                self.assertEqual(n["spooled"], 0, (output["name"], kind))
        return Account(sensor.in_redis(self.server))

    def check(self, account, told=False):
        self.assertEqual(account.wrong(), {})
        self.assertEqual(account.told > 0, told)
        gaps = [event["segmon"]["status"]["gap"]
                for event in sensor.gaps(sensor.in_redis(self.server)["status"])]
        for kind in sensor.KINDS:
            self.assertEqual(uncertain(self.server, kind, gaps)[:5], [], kind)
        lost = account.lost_of(self.written)
        self.assertLessEqual(max(lost.values(), default=0), UNWRITTEN, lost)
        return sum(lost.values())


def kill_at_random(test, n, seed=1, longest=1.0, server_every=0):
    """'n' runs, each killed at some instant; sometimes the server, too."""
    draw = random.Random(seed)
    for i in range(n):
        test.begin_run(ready="capturing" if draw.random() < 0.9 else None)
        test.go(2)
        if server_every and i % server_every == 0:
            time.sleep(draw.uniform(0, longest / 2))
            test.server.kill()
            if draw.random() < 0.5:
                test.server.start()
        test.kill_run(draw.uniform(0, longest))
        if test.server.process.poll() is not None:
            test.server.start()


def failpoints(source=sensor.ROOT / "tools/spool"):
    """The names of all places where the program can be made to end."""
    names = set()
    for path in sorted(pathlib.Path(source).glob("*.c")):
        for line in path.read_text().splitlines():
            for macro in ("SPOOL_FAILPOINT(\"", "SPOOL_DONE(\""):
                if macro in line:
                    names.add(line.split(macro)[1].split('"')[0])
    return sorted(names)


def fill(test):
    """A run that leaves a small spool with as much as it keeps, all of it acknowledged."""
    test.begin_run(*SMALL)
    test.send_round(OVERFLOW)
    test.wait_until_written(OVERFLOW * sensor.N)
    test.stop()
    test.end_run()


def wait_while_it_runs(test, condition):
    """It may end meanwhile."""
    ends = time.monotonic() + sensor.PATIENCE
    while test.run_.poll() is None and not condition():
        test.assertLess(time.monotonic(), ends, test.talk)
        time.sleep(0.05)


def overflow(test):
    """The server is away until a small spool had to drop some, which is told when it is back."""
    before = test.n_written() if test.output.exists() else 0
    test.server.kill()
    test.send_round(OVERFLOW)
    wait_while_it_runs(test, lambda: test.n_written() >= before + OVERFLOW * sensor.N)
    test.server.start()


def kill_at_failpoint(test, program, name, nth):
    """A run that ends the nth time it comes by there; False if it never did."""
    test.begin_run(*SMALL, ready=None, program=program, environment={
        "SEGMON_SPOOL_FAILPOINT": f"{name}:{nth}"})
    if name == "gap told":
        wait_while_it_runs(test, lambda: any("capturing" in line for line in test.said_lines()))
        for _ in range(nth):
            overflow(test)
    test.go(2)
    try:
        test.run_.wait(sensor.WAIT / 2)
    except sensor.live.subprocess.TimeoutExpired:
        test.kill_run(0)
        return False
    test.listener.join()
    test.end_run()
    test.assertEqual(test.run_.returncode, -signal.SIGKILL, test.talk)
    return True
