"""Runs segmon on captures that 'crowd' writes into a pipe: no file, any size."""
import dataclasses
import fcntl
import itertools
import json
import re
import struct
import subprocess
import sys

HEADER_BYTES = 24  # Of the capture...
RECORD_BYTES = 16  # ...and before each frame.
BATCH = 100
PAGE_KIB = 4
F_SETPIPE_SZ = 1031


@dataclasses.dataclass
class Cost:
    seconds: float  # User and system.
    peak_kib: int
    status: dict  # Of segmon's last event.


def replay(tools, folder, options, capture="-", crowd=()):
    """All events are written, to somebody who keeps the last one."""
    report = folder / "report"
    segmon = subprocess.Popen(
        [tools.measure, report, *command(tools, options), "-o", "-", capture],
        stdin=written(tools, crowd), stdout=subprocess.PIPE)
    last = subprocess.run(["tail", "-n", "1"], stdin=segmon.stdout, capture_output=True).stdout
    segmon.wait()
    user, system, _, peak, status = report.read_text().split()
    if status != "0":
        sys.exit(f"curves: segmon {options}: exit status {status}")
    return Cost(float(user) + float(system), int(peak), json.loads(last)["segmon"]["status"])


def written(tools, crowd):
    if not crowd:
        return None
    return subprocess.Popen([tools.crowd, *crowd], stdout=subprocess.PIPE).stdout


def write(tools, path, crowd):
    with open(path, "wb") as file:
        subprocess.run([tools.crowd, *crowd], check=True, stdout=file)


def command(tools, options):
    return [tools.segmon, "replay", "-q", *options]


def count(tools, options, capture="-", crowd=()):
    """Instructions."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         *command(tools, options), "--no-sandbox", "-o", "/dev/null", capture],
        stdin=written(tools, crowd), capture_output=True, text=True)
    found = re.findall(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"curves: segmon {options} under valgrind: {done.stderr[-500:]}")
    return int(found[-1])


def resident(tools, crowd, options):
    """(second of capture time, resident KiB) as the run goes on.  The pipe is made
    small, so that segmon is where the sample says it is."""
    capture = written(tools, crowd)
    segmon = subprocess.Popen([*command(tools, options), "-o", "/dev/null", "-"],
                              stdin=subprocess.PIPE)
    fcntl.fcntl(segmon.stdin, F_SETPIPE_SZ, 4096)
    segmon.stdin.write(capture.read(HEADER_BYTES))
    samples, start = {}, None
    while batch := [*itertools.islice(records(capture), BATCH)]:
        segmon.stdin.write(b"".join(batch))
        segmon.stdin.flush()
        second = struct.unpack_from("<I", batch[-1])[0]
        start = start or second
        with open(f"/proc/{segmon.pid}/statm") as file:
            samples[second - start] = int(file.read().split()[1]) * PAGE_KIB
    segmon.stdin.close()
    if segmon.wait():
        sys.exit("curves: segmon failed")
    return sorted(samples.items())


def records(capture):
    while head := capture.read(RECORD_BYTES):
        yield head + capture.read(struct.unpack_from("<8xI", head)[0])
