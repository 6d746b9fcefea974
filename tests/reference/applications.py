#!/usr/bin/env python3
"""applications.py SEGMON SHARED DIFFERENCES.tsv [--jobs N]

Compares the applications segmon names with those of ndpiReader (same library,
guessing off) on nDPI's own captures in SHARED/captures/ndpi-4.2: for every
5-tuple that both see, once. At least 99 % must agree, and every flow that does
not must be in DIFFERENCES.tsv (capture, 5-tuple, ndpiReader's name, segmon's
name, reason)."""
import argparse
import collections
import csv
import ipaddress
import json
import multiprocessing
import pathlib
import shutil
import subprocess
import sys
import tempfile

REQUIRED = 0.99


def key(protocol, a, ap, b, bp):
    ends = sorted([(str(ipaddress.ip_address(a)), int(ap)), (str(ipaddress.ip_address(b)), int(bp))])
    return (int(protocol), *ends)


def ndpi_reader(capture):
    names = collections.defaultdict(set)
    with tempfile.NamedTemporaryFile("r", suffix=".csv", errors="replace") as out:
        subprocess.run(["ndpiReader", "-d", "-t", "-I", "-q", "-i", str(capture), "-C", out.name],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        for row in csv.reader(out):
            if row and not row[0].startswith("#") and len(row) > 10:
                try:
                    names[key(row[1], row[5], row[6], row[7], row[8])].add(row[10])
                except ValueError:
                    continue  # A name with a comma in it: no flow row of ours.
    return names


def segmon_names(segmon, capture):
    names = collections.defaultdict(set)
    run = subprocess.run([segmon, "replay", "-q", "-k", "-e", "flow", "-o", "-", str(capture)],
                         stdin=subprocess.DEVNULL, capture_output=True)
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["segmon"]["record"] != "end":
            continue
        app = event["segmon"].get("app", {})
        parts = [app[k] for k in ("master", "name") if app.get(k)]
        if len(parts) == 2 and parts[0] == parts[1]:
            parts.pop()
        name = ".".join(parts) if app.get("state") == "known" else "Unknown"
        names[key(event["network"]["iana_number"], event["source"]["ip"],
                  event["source"].get("port", 0), event["destination"]["ip"],
                  event["destination"].get("port", 0))].add(name)
    return names


def compare(task):
    segmon, capture = task
    theirs, ours = ndpi_reader(capture), segmon_names(segmon, capture)
    both = [k for k in theirs if k in ours]
    rows = []
    for k in sorted(both):
        if theirs[k] & ours[k] or same_but_unknown(theirs[k], ours[k]):
            continue
        flow = f"{k[0]} {k[1][0]} {k[1][1]} {k[2][0]} {k[2][1]}"
        rows.append((capture.name, flow, "|".join(sorted(theirs[k])), "|".join(sorted(ours[k]))))
    return len(both), rows


def same_but_unknown(theirs, ours):
    return not (theirs - {"Unknown"}) and not (ours - {"Unknown"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("shared", type=pathlib.Path)
    parser.add_argument("differences", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    folder = options.shared / "captures/ndpi-4.2"
    if not folder.is_dir() or not shutil.which("ndpiReader"):
        print("skipped: needs", folder, "and ndpiReader")
        sys.exit(77)
    known = set()
    for line in options.differences.read_text().splitlines():
        if line and not line.startswith("#"):
            known.add(tuple(line.split("\t")[:4]))
    captures = sorted(p for p in folder.iterdir() if p.suffix in (".pcap", ".pcapng", ".cap"))
    flows, found = 0, set()
    with multiprocessing.Pool(options.jobs) as pool:
        for n, rows in pool.imap(compare, [(options.segmon, c) for c in captures]):
            flows += n
            found.update(rows)
    for row in sorted(found - known):
        print("\t".join((*row, "?")))
    for row in sorted(known - found):
        print("\t".join(row), "no difference any more", sep="\t")
    agreement = 1 - len(found) / flows if flows else 0
    print(f"{len(captures)} captures, {flows} flows, {len(found)} named otherwise: "
          f"{agreement:.2%} agree")
    failed = len(found ^ known) + (agreement < REQUIRED)
    print(f"{len(captures)} passed, {failed} failed" if not failed else f"0 passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
