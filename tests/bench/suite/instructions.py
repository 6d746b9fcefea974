"""Instructions, counted by callgrind on small captures: a number that repeats
within a fraction of a percent, however busy the machine is."""
import hashlib
import pathlib
import platform
import re
import shutil
import subprocess
import sys

from suite import captures, policies, programs

COMMITTED = pathlib.Path(__file__).resolve().parents[1] / "results/instructions.tsv"
SCALES = {"mix": "0.005", "flows": "0.004", "elephant": "0.01"}
CASES = (  # Program, capture; a program is always counted on the empty one too.
    ("segmon", "mix"), ("segmon, no output", "mix"), ("segmon, no DPI", "mix"),
    ("segmon, 1000 rules", "mix"), ("segmon", "flows"), ("segmon", "elephant"))
TOLERANCE = 0.05
SKIPPED = 77


def count(program, capture, folder):
    out = folder / "counted"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         *program.command(capture.path, out), *program.for_valgrind],
        capture_output=True, text=True, errors="replace")
    found = re.findall(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"run: {program.name} under valgrind: {done.stderr[-500:]}")
    return int(found[-1])


def make_all(tools, folder):
    made = {name: captures.make(tools, name, scale, folder) for name, scale in SCALES.items()}
    made["empty"] = captures.make_empty(folder)
    return made


def of_programs(tools, known, folder):
    """Instructions per packet, start and end left out, by (program, capture)."""
    made, counts = make_all(tools, folder), {}
    for program in known:
        if not program.counted:
            continue
        empty = count(program, made["empty"], folder)
        for name in SCALES:
            print(f"run: instructions: {name}: {program.name}", file=sys.stderr)
            counts[program.name, name] = ((count(program, made[name], folder) - empty)
                                          / made[name].packets)
    return counts


def environment(tools):
    """What changes the numbers although segmon has not changed."""
    compiler = subprocess.run([tools.cache("CMAKE_C_COMPILER"), "--version"],
                              capture_output=True, text=True).stdout.splitlines()[0]
    build_type = tools.cache("CMAKE_BUILD_TYPE")
    flags = f"{tools.cache('CMAKE_C_FLAGS')} {tools.cache(f'CMAKE_C_FLAGS_{build_type.upper()}')}"
    # The path by which it was called is in the compiler's own line.
    compiler = re.sub(r"^\S+", "cc", compiler)
    return {
        "compiler": compiler,
        "flags": flags.strip(),
        "libndpi": programs.said(f"{tools.segmon} --version", r"nDPI ([\w.-]+)"),
        "libpcap": programs.said(f"{tools.segmon} --version", r"libpcap version ([\w.-]+)"),
        "libc": "-".join(platform.libc_ver()),
        "valgrind": programs.said("valgrind --version", r"valgrind-([\w.]+)"),
        "processor": platform.machine(),
    }


def measured(tools, folder):
    """Rows of (program, capture, packets, digest, instructions); the empty capture's
    are startup, and the others' are without it."""
    made = make_all(tools, folder)
    known = {program.name: program for program in programs.find(tools, folder, None, False)}
    empty = {}
    for name in dict.fromkeys(program for program, _ in CASES):
        empty[name] = count(known[name], made["empty"], folder)
        yield name, "empty", 0, made["empty"].sha256(), empty[name]
    for name, capture in CASES:
        total = count(known[name], made[capture], folder)
        yield (name, capture, made[capture].packets, made[capture].sha256(),
               total - empty[name])


def read():
    wanted, rows = {}, {}
    for line in COMMITTED.read_text().splitlines():
        if line.startswith("# "):
            key, _, value = line[2:].partition(": ")
            wanted[key] = value
        elif line:
            name, capture, _, digest, instructions = line.split("\t")
            rows[name, capture] = digest, int(instructions)
    return wanted, rows


def policy_digest():
    return hashlib.sha256(policies.ENTERPRISE.read_bytes()).hexdigest()[:16]


def write(found, rows):
    with open(COMMITTED, "w") as file:
        for key, value in {**found, "policy": policy_digest()}.items():
            print(f"# {key}: {value}", file=file)
        for row in rows:
            print(*row, sep="\t", file=file)


def check(tools, folder, update):
    """The exit status."""
    if not shutil.which("valgrind"):
        print("skipped: valgrind is missing (package valgrind)")
        return SKIPPED
    found = environment(tools)
    if update:
        write(found, measured(tools, folder))
        print(f"wrote {COMMITTED}")
        return 0
    wanted, committed = read()
    others = [f"{key} is '{value}', not '{wanted.get(key)}'" for key, value in found.items()
              if value != wanted.get(key)]
    if others:
        print("skipped: the committed counts are of another machine:", *others, sep="\n  ")
        return SKIPPED
    status = compare(committed, measured(tools, folder))
    if status and wanted.get("policy") != policy_digest():
        print(f"{policies.ENTERPRISE.name} has changed since: if that is why, run with --update")
    return status


def compare(committed, rows):
    failed = False
    for name, capture, packets, digest, instructions in rows:
        was_digest, was = committed.get((name, capture), (digest, 0))
        change = instructions / was - 1 if was else 0
        unit = f"{instructions / packets:,.0f} a packet" if packets else f"{instructions:,}"
        verdict = "fine"
        if not was or digest != was_digest:
            verdict, failed = "OTHER CAPTURE: run with --update", True
        elif change > TOLERANCE:
            verdict, failed = "SLOWER", True
        elif change < -TOLERANCE:
            verdict = "faster: run with --update"
        print(f"{name:20} {capture:9} {unit:>22} {change:+8.2%}  {verdict}", flush=True)
    return int(failed)
