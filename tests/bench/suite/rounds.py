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
    peak_kib: int  # Median.
    rows: int


def once(tools, program, capture, folder):
    """(CPU seconds, peak KiB, rows)"""
    out, report = folder / "out", folder / "report"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with open(folder / "said", "wb") as said:
        subprocess.run([tools.measure, report, *program.command(capture.path, out)],
                       check=True, stdout=subprocess.DEVNULL, stderr=said)
    user, system, peak, status = report.read_text().split()
    if status != "0":
        sys.exit(f"run: {program.name}: exit status {status}: "
                 + (folder / "said").read_text(errors="replace")[-500:])
    return float(user) + float(system), int(peak), program.rows(out)


def run(tools, known, made, n_rounds, folder):
    """By (program's name, capture's name); also on an empty capture."""
    made = [captures.make_empty(folder), *made]
    runs = {}
    for number in range(n_rounds):
        for capture in made:
            for program in known:
                print(f"run: round {number + 1} of {n_rounds}: {capture.name}: {program.name}",
                      file=sys.stderr)
                runs.setdefault((program.name, capture.name), []).append(
                    once(tools, program, capture, folder))
    shutil.rmtree(folder / "out")
    return {key: summary(values) for key, values in runs.items()}


def summary(values):
    seconds = [value[0] for value in values]
    return Result(statistics.median(seconds), min(seconds), max(seconds),
                  statistics.median_low([value[1] for value in values]), values[0][2])
