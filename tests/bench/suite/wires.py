"""One run on a wire, and the search for the rate at which frames begin to be lost."""
import dataclasses
import os
import shutil
import subprocess
import time

import live as network
from suite import listeners

SETTLE = 1.5  # Seconds until what is in a buffer was read.
LEAST = 100   # Frames a second; who loses some at that is not looked at closer.
START = 60    # Seconds a program may take to start.


@dataclasses.dataclass
class Run:
    rate: float  # Frames a second that were sent.
    sent: int
    seen: int
    told_lost: int  # By the program; None: it does not say.
    discarded: int  # Behind the device, before any program.
    seconds: float  # Of processor time, while frames came.

    @property
    def lost(self):
        return self.sent - self.discarded - self.seen

    @property
    def adds_up(self):
        """What the program says it lost is what it lost."""
        return self.told_lost is not None and self.told_lost == self.lost


def start(listener, out):
    said = open(out / "said", "wb")
    listener.prepare(out)
    process = subprocess.Popen(
        [str(word) for word in network.inside("r", *listener.command("r0", out))],
        stdout=said, stderr=subprocess.STDOUT)
    said.close()
    end = time.monotonic() + START
    while listener.ready_when and listener.ready_when not in read(out):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"live: {listener.name} does not start: {read(out)[-500:]}")
        time.sleep(0.05)
    time.sleep(0 if listener.ready_when else SETTLE)
    return process


def read(out):
    return (out / "said").read_text(errors="replace")


def once(tools, listener, capture, rate, seconds, folder):
    """'rate' 0: as fast as it can be sent."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before = network.backlog_drops()
    try:
        process = start(listener, out)
        idle = listeners.processor_seconds(process.pid)
        sent, ns = blast(tools, listener, capture, rate, seconds, process)
        time.sleep(SETTLE)
        listener.ask(out)
        used = listeners.processor_seconds(process.pid) - idle
        process.send_signal(listener.stop)
        process.wait(120)
        seen, lost = listener.told(out, read(out))
    finally:
        listener.close()
    return Run(sent * 1e9 / ns, sent, seen, lost, network.backlog_drops() - before, used)


def blast(tools, listener, capture, rate, seconds, process):
    """Frames sent, and the nanoseconds that took; the listener is kept busy meanwhile."""
    last_cpu = (os.cpu_count() or 1) - 1
    sender = subprocess.Popen(
        [str(word) for word in network.inside("w", tools.blast, "-c", last_cpu, "w0", capture,
                                              rate, seconds)],
        stdout=subprocess.PIPE, text=True)
    while True:
        try:
            said, _ = sender.communicate(timeout=listener.TURN)
            break
        except subprocess.TimeoutExpired:
            listener.turn(process)
    if sender.returncode:
        raise SystemExit("live: blast failed")
    sent, _, ns = map(int, said.split())
    return sent, ns


def loss_free(measure, least, most, closeness):
    """The highest rate found at which no frame is lost, the lowest at which some are
    (None: none was, as fast as they can be sent), and the run at the first.
    'measure' runs at a rate; 'most' is as fast as frames can be sent."""
    good, bad, best = 0, None, None
    rate = least
    while bad is None and good < most:
        run = measure(rate)
        if run.lost > 0:
            bad = rate
        elif run.rate < 0.9 * rate:  # The sender cannot.
            return run.rate, None, run
        else:
            good, best = rate, run
            rate = min(2 * rate, most) if rate < most else most + 1
    while bad is not None and bad > LEAST and bad - good > closeness * bad:
        rate = (good + bad) // 2
        run = measure(rate)
        if run.lost > 0:
            bad = rate
        else:
            good, best = rate, run
    return good, bad, best
