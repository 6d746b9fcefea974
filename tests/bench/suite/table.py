"""The results, as Markdown."""
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys

from suite import goals

ROOT = pathlib.Path(__file__).resolve().parents[3]


def write(tools, chosen, known, made, results, counts):
    figures = goals.Figures(known, made, results, counts)
    parts = [head(tools, chosen, known, made), goals.table(figures, tools)]
    parts += [of_capture(known, capture, figures) for capture in made]
    return "\n".join(parts)


def head(tools, chosen, known, made):
    lines = ["# What segmon and others cost", "",
             f"    {shlex.join(['tests/bench/run', *sys.argv[1:]])}", "",
             f"Commit {commit()}; {compiler(tools)}; {system()}; scale {chosen.scale}, "
             f"median of {chosen.rounds} rounds, programs in turns.", ""]
    lines += [f"- **{program.name}** {program.version()}".rstrip() + f": {program.note}"
              + (f"; {program.threads} threads" if program.threads > 1 else "")
              for program in known]
    return "\n".join([*lines, ""])


def of_capture(known, capture, figures):
    lines = [f"## {capture.name}: {capture.packets:,} packets, {capture.flows:,} flows", "",
             "| program | CPU s | (least to most) | passed s | ns/packet | instr./packet "
             "| peak MB | B/flow | rows |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for program in known:
        if not program.measured_on(capture):
            continue
        result = figures.results[program.name, capture.name]
        counted = figures.counts.get((program.name, capture.name))
        cells = [
            f"{result.seconds:.2f}",
            f"{result.least:.2f} to {result.most:.2f}",
            f"{result.wall:.2f}",
            f"{result.seconds / capture.packets * 1e9:,.0f}",
            f"{counted:,.0f}" if counted else "-",
            f"{result.peak_kib * 1024 / 1e6:,.0f}",
            # Only where all flows are alive at once does it say something.
            (f"{figures.bytes_a_flow(program.name):,.0f}" if capture.name == "idle" else "-"),
            f"{result.rows:,}" if result.rows is not None else "-"]
        lines.append(f"| {program.name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def commit():
    shown = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                           capture_output=True, text=True)
    return shown.stdout.strip() or "unknown"


def compiler(tools):
    shown = subprocess.run([tools.cache("CMAKE_C_COMPILER"), "--version"],
                           capture_output=True, text=True).stdout.splitlines()
    return f"{shown[0]}, {tools.cache('CMAKE_BUILD_TYPE')}"


def system():
    release = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{release.group(1) if release else 'unknown'}, {platform.machine()}, "
            f"{os.cpu_count()} cores{' of ' + model.group(1) if model else ''}")
