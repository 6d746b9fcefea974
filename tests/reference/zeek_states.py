#!/usr/bin/env python3
"""zeek_states.py SEGMON SHARED STATES.tsv

Compares conn_state, history, packets and IP bytes of segmon's flows with Zeek's
for the captures in STATES.tsv (its head says where from), letter for letter.

Exit status: 0 all equal, 1 not, 77 skipped.
"""
import collections
import json
import pathlib
import subprocess
import sys


def expected(path):
    """{capture: {(protocol, ends...): [what Zeek says, in order of time]}}"""
    captures = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            column = line.split("\t")
            captures[column[0]][tuple(column[1:6])].append(column[6:])
    return captures


def flows(segmon, capture):
    run = subprocess.run(
        [segmon, "replay", "-q", "--no-dpi", "-e", "flow", "-o", "-", str(capture)],
        stdin=subprocess.DEVNULL, capture_output=True, check=True)
    table = collections.defaultdict(list)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    for event in sorted(events, key=lambda e: e["event"]["start"]):
        if event["segmon"]["record"] != "end":
            continue
        a, b, segment = event["source"], event["destination"], event["segmon"]
        key = (event["network"]["transport"], a["ip"], str(a.get("port", 0)), b["ip"],
               str(b.get("port", 0)))
        table[key].append([str(a["packets"]), str(a["bytes"]), str(b["packets"]),
                           str(b["bytes"]), segment["conn_state"], segment["history"]])
    return table


def main():
    segmon, shared, states = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if not (shared / "captures").is_dir():
        print("skipped: no captures at", shared / "captures")
        sys.exit(77)
    passed = failed = 0
    for capture, connections in expected(states).items():
        ours = flows(segmon, shared / "captures" / capture)
        for key, zeek in connections.items():
            if ours[key] == zeek:
                passed += len(zeek)
            else:
                failed += len(zeek)
                print(capture, *key, "Zeek:", *zeek, "segmon:", *ours[key])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
