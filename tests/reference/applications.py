#!/usr/bin/env python3
"""Compares the applications segmon names with those of ndpiReader.

usage: applications.py [--jobs N] SEGMON CAPTURES DIFFERENCES.tsv

CAPTURES is the folder of nDPI's own captures.  ndpiReader (the Debian package
libndpi-bin, of the same library) runs with -d: names from content only, no
guesses; its CSV leaves out what it has no name for.  Flows are the same if
protocol, addresses and ports are and, where these occur more than once, they
began in the same millisecond.  ndpiReader opens few tunnels, so segmon runs
with and without opening them.

At least 99 % of the flows that both see must have the same name.  Each flow that
has not must be in DIFFERENCES.tsv: capture, flow, ndpiReader's name, segmon's
name, and the reason; and so must those that only segmon names, by capture: their
number in place of the flow, "-" for ndpiReader's name.  (Where ndpiReader goes on
with one flow over a timeout or a reuse of ports, it has a name for it.)

Exit status 1 if that does not hold, 77 if there is nothing to compare with.
"""
import argparse
import collections
import csv
import datetime
import ipaddress
import json
import multiprocessing
import pathlib
import shutil
import subprocess
import sys
import tempfile

REQUIRED = 0.99
SUFFIXES = {".pcap", ".pcapng", ".cap"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def flow_key(protocol, src, sport, dst, dport):
    """Without direction.  ndpiReader writes '::' for every ':0:' of an address."""
    def address(text):
        try:
            return str(ipaddress.ip_address(text)).replace(":0:", "::")
        except ValueError:
            return text
    ends = sorted([(address(src), int(sport)), (address(dst), int(dport))])
    return (int(protocol), *ends[0], *ends[1])


def theirs(capture):
    """{key: [(start in ms, name)]}"""
    flows = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "flows.csv")
        subprocess.run(["ndpiReader", "-q", "-d", "-i", capture, "-C", path], check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        if not path.exists():
            return flows
        with open(path, encoding="latin-1", newline="") as file:
            for row in csv.reader(file):
                if len(row) > 10 and not row[0].startswith("#"):
                    key = flow_key(row[1], *row[5:9])
                    flows[key].append((round(float(row[2]) * 1000), row[10]))
    return flows


def name_of(event):
    """As ndpiReader writes it, master and name; "Unknown" if not by content."""
    app = event["segmon"].get("app", {})
    if app.get("state") != "known":
        return "Unknown"
    return ".".join(dict.fromkeys(app[k] for k in ("master", "name") if app.get(k)))


def ours(segmon, capture, *options):
    flows = collections.defaultdict(list)
    run = subprocess.run(
        [segmon, "replay", "-q", "-k", "-e", "flow", "-o", "-", *options, capture], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["segmon"]["record"] != "end":
            continue
        a, b = event["source"], event["destination"]
        key = flow_key(event["network"]["iana_number"], a["ip"], a.get("port", 0), b["ip"],
                       b.get("port", 0))
        start = datetime.datetime.fromisoformat(event["event"]["start"].replace("Z", "+00:00"))
        ms = (start - EPOCH) // datetime.timedelta(milliseconds=1)
        flows[key].append((ms, name_of(event)))
    return flows


def match(flow, flows, others):
    if len(flows) == 1 and len(others) == 1:
        return others[0]
    return next((other for other in others if abs(other[0] - flow[0]) <= 1), None)


def compare(task):
    """How many flows both see, and those with different names."""
    segmon, capture = task
    reference, outer = theirs(capture), ours(segmon, capture, "--no-decapsulation")
    mine = ours(segmon, capture)
    both, rows = 0, []

    def differ(key, their_name, own_name):
        flow = f"{key[0]} {key[1]}:{key[2]} {key[3]}:{key[4]}"
        rows.append((capture.name, flow, their_name, own_name))

    for key, flows in reference.items():
        own = mine.get(key) or outer.get(key, [])
        for flow in flows:
            other = match(flow, flows, own)
            both += other is not None
            if other and other[1] != flow[1]:
                differ(key, flow[1], other[1])
    only_ours = collections.Counter(
        own for key, flows in mine.items() for _, own in flows
        if own != "Unknown" and key not in reference)
    for own, n in only_ours.items():
        rows.append((capture.name, f"{n} flows" if n > 1 else "1 flow", "-", own))
    return both, rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("captures", type=pathlib.Path)
    parser.add_argument("differences", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.captures.is_dir() or not shutil.which("ndpiReader"):
        print("skipped: needs", options.captures, "and ndpiReader")
        return 77
    known = collections.Counter()
    for line in options.differences.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            known[tuple(line.split("\t")[:4])] += 1
    captures = sorted(p for p in options.captures.iterdir() if p.suffix in SUFFIXES)
    flows, found = 0, collections.Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        for both, rows in pool.imap(compare, [(options.segmon, c) for c in captures]):
            flows += both
            found.update(rows)
    for row in sorted((found - known).elements()):
        print("\t".join((*row, "not explained")))
    for row in sorted((known - found).elements()):
        print("\t".join((*row, "no difference any more")))
    only_ours = sum(int(row[1].split()[0]) for row in found if row[2] == "-")
    other = sum(n for row, n in found.items() if row[2] != "-")
    agreement = 1 - other / flows if flows else 0
    print(f"{len(captures)} captures, {flows} flows that both see and ndpiReader names, "
          f"{other} named otherwise: {agreement:.2%} agree; {only_ours} named by segmon only")
    passed = found == known and agreement >= REQUIRED
    print("1 passed, 0 failed" if passed else "0 passed, 1 failed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
