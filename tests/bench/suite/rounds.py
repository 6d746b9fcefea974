"""Runs every program on every capture, several times, in turns: what disturbs the
machine disturbs them all."""
import dataclasses
import shutil
import statistics
import subprocess
import sys

from suite import captures


@dataclasses.dataclass
class Result:
    seconds: float  # User and system, median.
    least: float
    most: float
    wall: float  # Seconds passed, median.
    peak_kib: int  # Median.
    rows: int
    evicted: int


def once(tools, program, capture, folder):
    """(CPU seconds, seconds passed, peak KiB, rows, evicted)"""
    out, report = folder / "out", folder / "report"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with open(folder / "said", "wb") as said:
        subprocess.run([tools.measure, report, *program.command(capture.path, out)],
                       check=True, stdout=subprocess.DEVNULL, stderr=said)
    user, system, wall, peak, status = report.read_text().split()
    if status != "0":
        sys.exit(f"run: {program.name}: exit status {status}: "
                 + (folder / "said").read_text(errors="replace")[-500:])
    return (float(user) + float(system), float(wall), int(peak), program.rows(out),
            program.evicted(out))


def run(tools, known, made, n_rounds, folder):
    """By (program's name, capture's name); also on an empty capture.  The idle one is
    about memory, which one round tells."""
    made = [captures.make_empty(folder), *made]
    runs = {}
    for number in range(n_rounds):
        for capture in made:
            for program in known:
                if not program.measured_on(capture) or number and capture.name == "idle":
                    continue
                print(f"run: round {number + 1} of {n_rounds}: {capture.name}: {program.name}",
                      file=sys.stderr)
                runs.setdefault((program.name, capture.name), []).append(
                    once(tools, program, capture, folder))
    shutil.rmtree(folder / "out")
    return {key: summary(values) for key, values in runs.items()}


def summary(values):
    seconds, walls, peaks, rows, evicted = zip(*values)
    return Result(statistics.median(seconds), min(seconds), max(seconds),
                  statistics.median(walls), statistics.median_low(peaks), rows[0], evicted[0])
