"""The two networks of a benchmark on a wire, and whatever runs in them.  However the
benchmark ends, also when it is told to end by a signal, they go, and so do the programs."""
import contextlib
import os
import signal
import subprocess

import live as network

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def networks():
    """While it lasts, a signal ends the benchmark as an error does, and once only."""
    with ends_in_order():
        try:
            network.add_networks()
            yield
        finally:
            ignore_signals()
            end_programs()
            network.remove_networks()


@contextlib.contextmanager
def ends_in_order():
    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(number, _):
    ignore_signals()  # What is begun to be put away is put away.
    raise SystemExit(128 + number)


def ignore_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_programs():
    for end_ in "wr":
        told = subprocess.run(["ip", "netns", "pids", f"{network.NAME}-{end_}"],
                              capture_output=True, text=True, check=False).stdout
        for pid in map(int, told.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
