#!/usr/bin/env python3
"""run_captures.py SEGMON SCHEMA CAPTURES [--jobs N] [--limit N]

Replays every capture below CAPTURES and checks, for each:
  - segmon ends by itself with status 0, or 1 and an error that names the file;
  - every event is valid against the JSON Schema and on a line of its own;
  - every frame read is accounted for: dissected or counted by reason, and every
    packet that was dissected is counted on a flow, as an ICMP error, as a
    duplicate or as a held fragment that was let go;
  - a second run gives the same bytes, and two workers the same records.

Prints a line for each failure and a closing count; exit status 1 if any failed.
"""
import argparse
import json
import multiprocessing
import pathlib
import subprocess
import sys

import jsonschema

TIMEOUT_S = 120


def replay(segmon, capture, *options):
    return subprocess.run(
        [segmon, "replay", "--quiet", "--keep-going", "--output", "-", *options, capture],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)


def comparable(line):
    """An event without what depends on output order."""
    event = json.loads(line)
    if event["event"]["dataset"] == "segmon.status":
        return None
    del event["event"]["id"], event["event"]["sequence"]
    return json.dumps(event, sort_keys=True)


def accounting(event):
    """What is wrong with the sums of a status event; None if nothing is."""
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


def check(task):
    segmon, schema, capture = task
    try:
        run = replay(segmon, capture)
        again = replay(segmon, capture)
        shared = replay(segmon, capture, "--workers", "2")
    except subprocess.TimeoutExpired:
        return capture, "does not end"
    talk = run.stderr.decode(errors="replace")
    if run.returncode not in (0, 1):
        return capture, f"exit status {run.returncode}: {talk[:200]}"
    if run.returncode == 1 and capture not in talk:
        return capture, f"failed without naming the file: {talk[:200]}"
    if run.stdout != again.stdout:
        return capture, "another run gives other bytes"
    validator = jsonschema.Draft202012Validator(schema)
    lines = run.stdout.decode().splitlines()
    status = None
    for line in lines:
        event = json.loads(line)
        error = next(validator.iter_errors(event), None)
        if error:
            return capture, f"{error.json_path}: {error.message[:200]}"
        if event["event"]["dataset"] == "segmon.status":
            status = event
    if status is None:
        return capture, "no closing status event"
    wrong = accounting(status)
    if wrong:
        return capture, wrong
    one = sorted(filter(None, map(comparable, lines)))
    two = sorted(filter(None, map(comparable, shared.stdout.decode().splitlines())))
    if one != two:
        return capture, "two workers give other records"
    return capture, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("schema")
    parser.add_argument("captures")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=int, help="every so many-th capture only")
    options = parser.parse_args()
    if not pathlib.Path(options.captures).is_dir():
        print("skipped: no captures at", options.captures)
        sys.exit(77)
    schema = json.load(open(options.schema))
    paths = sorted(str(p) for p in pathlib.Path(options.captures).rglob("*")
                   if p.suffix in (".pcap", ".pcapng", ".cap", ".dmp", ".trace"))
    paths = paths[::options.limit or 1]
    failed = 0
    with multiprocessing.Pool(options.jobs) as pool:
        for capture, wrong in pool.imap_unordered(
                check, [(options.segmon, schema, p) for p in paths], chunksize=8):
            if wrong:
                failed += 1
                print(f"{capture}: {wrong}", flush=True)
    print(f"{len(paths) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
