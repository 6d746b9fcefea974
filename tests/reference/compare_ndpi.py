#!/usr/bin/env python3
"""Compares the applications we name with those of ndpiReader, on captures.

usage: compare_ndpi.py [--verbose] [--minimum PERCENT] PRINT_APPLICATIONS PATH...

PRINT_APPLICATIONS is the program of that name from the build; a PATH is a
capture or a folder of captures.  ndpiReader (the Debian package libndpi-bin)
runs with -d: names from content only, no guesses; its CSV leaves out what it
has no name for.  A conversation counts when both saw it (protocol, addresses,
ports, start) and one of them named it; agreement is the same name.  Exit status
1 if fewer than PERCENT (99) agree, 77 if there is nothing to compare.

What is left, over the captures of nDPI's own tests (99.9 % agree):

  - A name we do not give, because nothing in the payload says it: nDPI 4.2
    calls UDP port 3478 STUN, with the confidence of content, when it gives up.
  - Names only we give: packets that the capture cut short or whose IP length
    is too large, which ndpiReader drops and we read as far as they go; and what
    is inside the tunnels it leaves closed (GTP).
  - Conversations only ndpiReader has: captures with flipped bits (fuzz-*), where
    it reads frames as IP whose EtherType or address family is not IP's.
"""
import argparse
import collections
import csv
import os
import shutil
import subprocess
import sys
import tempfile


def ends(src, sport, dst, dport):
    """Both ends, in an order that does not depend on the direction.

    ndpiReader writes '::' for every ':0:' of an IPv6 address.
    """
    return tuple(sorted([(src.replace(":0:", "::"), int(sport)),
                         (dst.replace(":0:", "::"), int(dport))]))


def theirs(capture):
    """{(protocol, ends): [(start in ms, name)]}"""
    rows = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "flows.csv")
        subprocess.run(["ndpiReader", "-q", "-d", "-i", capture, "-C", path],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
        if not os.path.exists(path):
            return rows
        with open(path, encoding="latin-1", newline="") as file:
            for row in csv.reader(file):
                if len(row) > 10 and not row[0].startswith("#"):
                    key = (int(row[1]), ends(*row[5:9]))
                    rows[key].append((round(float(row[2]) * 1000), row[10]))
    return rows


def ours(program, capture):
    """{(protocol, ends): [(start in ms, state, name)]}

    ndpiReader opens 6in4 and 4in6 tunnels only: so tunnels open first, and what
    a closed tunnel shows beside that.
    """
    rows = collections.defaultdict(list)
    for arguments in ([], ["--outer"]):
        output = subprocess.run([program, *arguments, capture], check=False,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL).stdout
        for line in output.decode("latin-1").split("\n"):
            field = line.split("\t")
            if len(field) >= 10:
                key = (int(field[1]), ends(*field[2:6]))
                row = (int(field[0]), field[6], field[7])
                if row not in rows[key]:
                    rows[key].append(row)
    return rows


def match(flows, others, start):
    """The conversation among 'others' that began at 'start'."""
    if len(flows) == 1 and len(others) == 1:
        return others[0]
    return next((o for o in others if abs(o[0] - start) <= 1), None)


def compare(program, capture, counts):
    """Adds to 'counts'; yields a line for each difference."""
    mine, reference = ours(program, capture), theirs(capture)
    name = os.path.basename(capture)
    for key, flows in mine.items():
        for start, state, own in flows:
            if state == "known" and not match(flows, reference.get(key, []),
                                              start):
                counts["named by us only"] += 1
                yield f"only ours\t{name}\t{key}\t{own}"
    for key, flows in reference.items():
        for start, their_name in flows:
            own = match(flows, mine.get(key, []), start)
            if own is None:
                counts["seen by ndpiReader only"] += 1
                yield f"only theirs\t{name}\t{key}\t{their_name}"
            elif own[1] == "none":
                counts["named without payload by ndpiReader"] += 1
                yield f"no payload\t{name}\t{key}\t{their_name}"
            elif own[2] == their_name:
                counts["agree"] += 1
            else:
                counts["differ"] += 1
                yield f"differ\t{name}\t{key}\t{their_name}\tours {own[2]}"


def captures_in(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for name in sorted(os.listdir(path)):
            if name.endswith((".pcap", ".pcapng", ".cap")):
                yield os.path.join(path, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--minimum", type=float, default=99.0)
    options = parser.parse_args()
    if shutil.which("ndpiReader") is None:
        print("skipped: ndpiReader is not installed")
        return 77
    missing = [path for path in options.paths if not os.path.exists(path)]
    if missing:
        print(f"skipped: no captures at {missing[0]}")
        return 77

    counts = collections.Counter()
    for capture in captures_in(options.paths):
        for line in compare(options.program, capture, counts):
            if options.verbose:
                print(line)
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    compared = counts["agree"] + counts["differ"]
    share = 100.0 * counts["agree"] / compared if compared else 0.0
    print(f"{share:.2f} % of {compared} conversations agree")
    return 0 if share >= options.minimum else 1


if __name__ == "__main__":
    sys.exit(main())
