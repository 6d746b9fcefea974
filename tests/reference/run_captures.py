#!/usr/bin/env python3
"""Replays every capture below a folder and checks what must hold for any input.

usage: run_captures.py [--jobs N] [--every N] [--policy FILE] SEGMON SCHEMA CAPTURES

For each capture:
  - segmon ends by itself with status 0, or with 1 and an error that names the
    file, and no sanitizer reports anything;
  - every event is a line of its own that the JSON Schema accepts;
  - every frame read is accounted for: filtered, or counted by what dissecting it
    gave; and every packet is counted on a flow or as an ICMP error about one;
  - every flow that was started ended;
  - a second run gives the same bytes;
  - two workers give the same records and counters as one.  nDPI remembers across
    conversations (STUN, Hangouts, BitTorrent and other peers), and each worker
    has an nDPI of its own: what follows from such a memory, and nothing else, may
    differ.  Those differences are listed and counted.  Violations are told in the
    same order.

--every N takes only every N-th capture: what ctest does.  All of them, as

  tests/reference/run_captures.py build/tools/segmon \\
      tools/event/schema/segmon-event-1.0.json ../shared/captures

take about four minutes of two processors' time; they are run the same way with
'--policy rules/examples/enterprise-pci-ot.yaml' and with a program built with
CMAKE_BUILD_TYPE=Asan.

Exit status 1 if a check failed, 77 if there are no captures.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "support"))

TIMEOUT_S = 300
SUFFIXES = {".pcap", ".pcapng", ".cap", ".dmp", ".trace", ".erf", ".snoop"}
# What nDPI says of a flow, and the names of protocols that come from it.
FROM_NDPI = ("network.application", "network.protocol", "segmon.app.", "segmon.risks")
SANITIZERS = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1",
              "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1",
              "TSAN_OPTIONS": "halt_on_error=1:exitcode=99"}


def replay(options, capture, *more):
    policy = ["--policy", options.policy] if options.policy else []
    return subprocess.run(
        [options.segmon, "replay", "--quiet", "--keep-going", "--output", "-", *policy, *more,
         capture], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S,
        check=False, env={**SANITIZERS, **os.environ})


def wrong_ending(run, capture):
    talk = run.stderr.decode(errors="replace")
    if "Sanitizer" in talk or "runtime error:" in talk:
        return f"a sanitizer's report:\n{talk[:4000]}"
    if run.returncode not in (0, 1):
        return f"exit status {run.returncode}: {talk[:300]}"
    if run.returncode == 1 and capture not in talk:
        return f"failed without naming the file: {talk[:300]}"
    return None


def wrong_sums(event):
    status = event["segmon"]["status"]
    frames, dissected, flows = status["capture"], status["dissected"], status["flows"]
    if sum(dissected.values()) + frames["filtered"] != frames["frames"]:
        return f"outcomes {dissected} do not add up to {frames['frames']} frames"
    counted = flows["packets"] + flows["related"]
    if counted != dissected["ok"]:
        return f"{dissected['ok']} packets, {counted} counted on flows"
    if flows["created"] != flows["ended"] or flows["active"] != 0:
        return f"flows created {flows['created']}, ended {flows['ended']}"
    return None


def counters(event):
    """Those of a status event that must not depend on the number of workers."""
    status = event["segmon"]["status"]
    flows = {k: v for k, v in status["flows"].items() if k != "bytes"}
    return {"capture": status["capture"], "dissected": status["dissected"], "flows": flows}


def read(run):
    """The events of a run: records without what depends on their order, and the
    status that closes it."""
    records, status = [], None
    for line in run.stdout.decode().splitlines():
        event = json.loads(line)
        if event["event"]["dataset"] == "segmon.status":
            status = event
            continue
        del event["event"]["id"], event["event"]["sequence"]
        records.append(event)
    return records, status


def leaves(value, path=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value)


def kind_of(event):
    return event["segmon"].get("violation", {}).get("kind")


def violations(records):
    """Which, in the order in which they are told."""
    return [identity(e) for e in records if kind_of(e)]


def identity(event):
    """Finds the same record of another run."""
    own = event["segmon"]
    return (event["event"]["dataset"], event["@timestamp"], own.get("flow_id"),
            own.get("record"), own.get("record_sequence"),
            own.get("violation", {}).get("id"), kind_of(event))


def difference(one, two, tolerated):
    """What differs that must not, or None; counts in 'tolerated' what may."""
    def unmatched(these, others):
        texts = collections.Counter(json.dumps(e, sort_keys=True) for e in others)
        for event in these:
            text = json.dumps(event, sort_keys=True)
            if texts[text]:
                texts[text] -= 1
            else:
                yield event

    left, right = list(unmatched(one, two)), list(unmatched(two, one))
    partners = collections.defaultdict(list)
    for event in right:
        partners[identity(event)].append(event)
    for event in left:
        if not partners[identity(event)]:
            return f"only of one worker: {json.dumps(event)}"
        other = partners[identity(event)].pop()
        paths = {path for path, _ in set(leaves(event)) ^ set(leaves(other))}
        for path in sorted(paths):
            if not path.startswith(FROM_NDPI):
                return f"{path} of {json.dumps(event)}\nand {json.dumps(other)}"
            tolerated[path] += 1
    rest = [e for events in partners.values() for e in events]
    return f"only of two workers: {json.dumps(rest[0])}" if rest else None


def wrong_events(validate, schema, lines):
    validators = {name: validate.validator(schema, name) for name in validate.DATASETS.values()}
    for line in lines:
        for complaint in validate.complaints(validators, schema, line, set()):
            return complaint
    return None


def check(task):
    import validate_events as validate  # Here: needs jsonschema.

    options, schema, capture = task
    tolerated = collections.Counter()
    try:
        runs = [replay(options, capture), replay(options, capture),
                replay(options, capture, "--workers", "2")]
    except subprocess.TimeoutExpired:
        return capture, "does not end", tolerated
    wrong = next(filter(None, (wrong_ending(run, capture) for run in runs)), None)
    if wrong:
        return capture, wrong, tolerated
    if runs[0].stdout != runs[1].stdout:
        return capture, "another run gives other bytes", tolerated
    wrong = wrong_events(validate, schema, runs[0].stdout.decode().splitlines())
    if wrong:
        return capture, wrong, tolerated
    (one, status), (two, status_two) = read(runs[0]), read(runs[2])
    if status is None:
        return capture, "no closing status event", tolerated
    wrong = wrong_sums(status)
    if not wrong and counters(status) != counters(status_two):
        wrong = f"counters {counters(status)}\nof two workers {counters(status_two)}"
    wrong = wrong or difference(one, two, tolerated)
    if not wrong and violations(one) != violations(two):
        wrong = "two workers tell violations in another order"
    return capture, wrong, tolerated


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("schema")
    parser.add_argument("captures", type=pathlib.Path)
    parser.add_argument("--policy")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    if not options.captures.is_dir():
        print("skipped: no captures at", options.captures)
        return 77
    with open(options.schema, encoding="utf-8") as file:
        schema = json.load(file)
    paths = sorted(str(p) for p in options.captures.rglob("*") if p.suffix in SUFFIXES)
    paths = paths[::options.every]
    failed, differing, tolerated = 0, 0, collections.Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        for capture, wrong, counted in pool.imap(
                check, [(options, schema, p) for p in paths], chunksize=8):
            if wrong:
                failed += 1
                print(f"{capture}: {wrong}", flush=True)
            if counted:
                differing += 1
                tolerated += counted
                print(f"{capture}: two workers differ in {dict(counted)}", flush=True)
    print(f"{differing} captures where two workers differ as they may: "
          f"{dict(sorted(tolerated.items()))}")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
