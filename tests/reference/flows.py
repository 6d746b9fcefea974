#!/usr/bin/env python3
"""flows.py SEGMON SHARED DIFFERENCES.tsv [--jobs N] [--every N] [CAPTURE...]

Compares segmon's flows with those of tshark's dissection (SHARED/harness/facts.py)
for every capture below SHARED/captures: 5-tuple, packets and IP bytes each way, of
TCP, UDP and ICMP, at the innermost IP header. Conversations of one 5-tuple are
summed on both sides, so timeouts and port reuse do not matter here.

A capture that differs must be in DIFFERENCES.tsv (capture, reason, what differs)
with exactly the difference found; anything else is a failure, and so is an entry
that no longer differs. What is different on purpose for whole classes of packets is
in tshark_rules.py, shown to apply packet by packet. ICMP errors that segmon counts
on the flow they quote are taken out of the reference before comparing, as many
packets and bytes as segmon says it joined.

ctest takes some of the captures. All of them, some 15 minutes on two cores:
  tests/reference/flows.py build/tools/segmon ../shared \\
      tests/reference/flow_differences.tsv

Exit status: 0 nothing unexplained, 1 something is, 77 skipped.
"""
import argparse
import collections
import importlib.util
import ipaddress
import json
import multiprocessing
import pathlib
import shutil
import subprocess
import sys

import tshark_rules

ERRORS = {(4, 3), (4, 4), (4, 11), (4, 12), (6, 1), (6, 2), (6, 3), (6, 4)}
PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp"}


def load_facts(shared):
    spec = importlib.util.spec_from_file_location("facts", shared / "harness/facts.py")
    facts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(facts)
    return facts


def reference(facts, capture, status):
    """{key: [packets, bytes]} of each way as tshark sees it; and the rules applied."""
    facts.ALL = facts.ALL + tshark_rules.EXTRA
    facts.subprocess = tshark_rules.Tshark(facts.ALL, status["dissected"]["unknown_link"])
    flows, _, _ = facts.read(str(capture), "inner", False)
    table = {}
    for flow in flows.values():
        protocol, (a, ap), (b, bp) = flow.key[:3]
        if protocol in ("tcp", "udp", "icmp"):
            add(table, (protocol, a, ap, b, bp), flow.pk[0], flow.by[0], flow.pk[1], flow.by[1])
    return table, facts.subprocess.applied


def add(table, key, packets, octets, packets_back, octets_back):
    protocol, a, ap, b, bp = key
    back = (protocol, b, bp, a, ap)
    for way, n, size in ((key, packets, octets), (back, packets_back, octets_back)):
        if n:
            entry = table.setdefault(way, [0, 0])
            entry[0] += n
            entry[1] += size


def address(text):
    return str(ipaddress.ip_address(text))


def icmp_ports(facts, event):
    if "icmp" not in event["segmon"]:  # Cut before the type, or a fragment without it.
        return 0, 0
    pairs = facts.PAIR6 if event["network"]["type"] == "ipv6" else facts.PAIR4
    kind = event["segmon"]["icmp"]["type"]
    return (kind, pairs[kind]) if kind in pairs else (kind, event["segmon"]["icmp"]["code"])


def product(facts, segmon, capture):
    """The same from segmon; the ICMP errors it counted on flows; its closing status
    and what it said of the file."""
    run = subprocess.run(
        [segmon, "replay", "-q", "-k", "--no-dpi", "-e", "flow,status", "-o", "-", str(capture)],
        stdin=subprocess.DEVNULL, capture_output=True)
    table, errors, status = {}, collections.Counter(), None
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["event"]["dataset"] == "segmon.status":
            status = event["segmon"]["status"]
        elif event["segmon"]["record"] == "end":
            add_event(facts, table, errors, event)
    said = run.stderr.decode(errors="replace").strip().rsplit(": ", 1)[-1]
    return table, errors, status, said


def add_event(facts, table, errors, event):
    if "icmp_errors" in event["segmon"]:
        quoted = event["segmon"]["icmp_errors"]
        errors["packets"] += quoted["count"]
        errors["bytes"] += quoted["bytes"]
    protocol = PROTOCOLS.get(event["network"]["iana_number"])
    if not protocol:
        return
    source, destination = event["source"], event["destination"]
    ports = source.get("port", 0), destination.get("port", 0)
    if protocol == "icmp":
        ports = icmp_ports(facts, event)
    add(table, (protocol, address(source["ip"]), ports[0], address(destination["ip"]), ports[1]),
        source["packets"], source["bytes"], destination["packets"], destination["bytes"])


def without_quoted_errors(truth, ours, joined):
    """Takes ICMP errors out of the reference, as many as segmon joined to flows."""
    for key in list(truth):
        protocol, a, kind, b, _ = key
        version = 6 if ":" in a else 4
        if protocol != "icmp" or (version, kind) not in ERRORS:
            continue
        mine = ours.get(key, [0, 0])
        packets, octets = truth[key][0] - mine[0], truth[key][1] - mine[1]
        if packets > 0 and joined["packets"] >= packets and joined["bytes"] >= octets:
            joined["packets"] -= packets
            joined["bytes"] -= octets
            truth[key] = list(mine)
            if not mine[0]:
                del truth[key]


def compare(task):
    """(name of the capture, one-way flows in it, what differs, rules applied)"""
    segmon, shared, capture = task
    facts = load_facts(shared)
    name = str(capture.relative_to(shared / "captures"))
    ours, joined, status, said = product(facts, segmon, capture)
    truth, rules = reference(facts, capture, status)
    n_flows = len(truth)
    if truth and not status["capture"]["frames"]:
        return name, n_flows, f"{n_flows} missing: {said}", rules
    without_quoted_errors(truth, ours, joined)
    return name, n_flows, "; ".join(differences(truth, ours, joined)), rules


def differences(truth, ours, joined):
    each = (("missing", [k for k in truth if k not in ours]),
            ("extra", [k for k in ours if k not in truth]),
            ("different", [k for k in truth if k in ours and truth[k] != ours[k]]))
    for word, keys in each:
        if keys:
            example = " ".join(map(str, min(keys)))
            if word == "different":
                example += f" {truth[min(keys)]} {ours[min(keys)]}"
            yield f"{len(keys)} {word}, as {example}"
    if joined["packets"]:
        yield f"{joined['packets']} joined ICMP errors not in the reference"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("shared", type=pathlib.Path)
    parser.add_argument("differences", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("capture", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    captures = options.shared / "captures"
    if not captures.is_dir():
        print("skipped: no captures at", captures)
        sys.exit(77)
    if not shutil.which("tshark"):
        print("skipped: no tshark")
        sys.exit(77)
    known = {}
    for line in options.differences.read_text().splitlines():
        if line and not line.startswith("#"):
            name, reason, difference = line.split("\t")
            known[name] = difference
    paths = options.capture or sorted(
        p for p in captures.rglob("*")
        if p.suffix in (".pcap", ".pcapng", ".cap", ".dmp", ".erf", ".snoop"))
    tasks = [(options.segmon, options.shared, p) for p in paths[::options.every]]
    failed = flows = explained = 0
    rules = collections.Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        for name, n, difference, applied in pool.imap(compare, tasks, chunksize=4):
            flows += n
            rules += applied
            if difference == known.get(name, ""):
                explained += bool(difference)
            else:
                failed += 1
                print(f"{name}\t?\t{difference or 'no difference any more'}", flush=True)
    for rule, packets in sorted(rules.items()):
        print(f"{packets} packets: {rule}")
    print(f"{len(tasks)} captures, {flows} flows, {explained} captures with explained "
          "differences")
    print(f"{len(tasks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
