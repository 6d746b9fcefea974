#!/usr/bin/env python3
"""Compares the negotiated TLS versions we read with those tshark reads.

usage: compare_tls.py [--verbose] SEGMON PATH...

A PATH is a capture or a folder of captures, searched to the bottom.  tshark's
answer for a conversation is the supported_versions extension of a ServerHello,
else its legacy version, of the last one that is not a retry.  Exit status 1 if a
version that both have differs, 77 if tshark is not installed or a PATH missing.

What only one of them has is counted and listed, not failed.  tshark finds TLS in
the framing of OpenVPN over TCP and of CAPWAP, where we do not look.  We find it
where tshark, as it is set up by default, gives up on segments out of order or
takes the port for another protocol's (RDP).  A ServerHello whose lengths
contradict each other is nothing to us, and its legacy version to tshark.
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys

FIELDS = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport",
          "tcp.dstport", "udp.srcport", "udp.dstport",
          "tls.handshake.type", "tls.handshake.version",
          "tls.handshake.extensions.supported_version",
          "dtls.handshake.type", "dtls.handshake.version",
          "dtls.handshake.extensions.supported_version"]
FILTER = "tls.handshake.type == 2 || dtls.handshake.type == 2"


def key(protocol, src, sport, dst, dport):
    return protocol, tuple(sorted([(src, int(sport)), (dst, int(dport))]))


def number(text):
    return int(text, 16) if text.startswith("0x") else int(text)


def version_of(row, kind):
    """The version a ServerHello in 'row' chose, 0 if there is none."""
    types = row[f"{kind}.handshake.type"]
    if "2" not in types:
        return 0
    selected = row[f"{kind}.handshake.extensions.supported_version"]
    legacy = row[f"{kind}.handshake.version"]
    # With a ClientHello in the same frame the offered ones come as well.
    if selected and "1" not in types:
        version = number(selected[-1])
    else:
        version = number(legacy[types.index("2")]) if legacy else 0
    if version >> 8 in (0x7f, 0xfb):
        return 0x0304  # A draft.
    return version if version >> 8 in (1, 3, 0xfe) or version == 2 else 0


def theirs(capture):
    command = ["tshark", "-n", "-r", capture, "-Y", FILTER, "-T", "fields",
               "-E", "occurrence=a"]
    for field in FIELDS:
        command += ["-e", field]
    output = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    versions = {}
    for line in output.decode("latin-1").split("\n"):
        values = [v.split(",") if v else [] for v in line.split("\t")]
        if len(values) != len(FIELDS):
            continue
        row = dict(zip(FIELDS, values))
        family = "ipv6" if row["ipv6.src"] and not row["ip.src"] else "ip"
        if row["ipv6.src"] and row["ip.src"]:
            family = None  # A tunnel: the addresses of either may be inner.
        protocol = 6 if row["tcp.srcport"] else 17
        ports = "tcp" if protocol == 6 else "udp"
        version = version_of(row, "tls") or version_of(row, "dtls")
        if not version or not row[f"{ports}.srcport"]:
            continue
        for f in [family] if family else ["ip", "ipv6"]:
            versions[key(protocol, row[f + ".src"][-1],
                         row[f"{ports}.srcport"][-1], row[f + ".dst"][-1],
                         row[f"{ports}.dstport"][-1])] = version
    return versions


VERSIONS = {("ssl", "2.0"): 0x0002, ("ssl", "3.0"): 0x0300, ("tls", "1.0"): 0x0301,
            ("tls", "1.1"): 0x0302, ("tls", "1.2"): 0x0303, ("tls", "1.3"): 0x0304,
            ("dtls", "1.0"): 0xfeff, ("dtls", "1.2"): 0xfefd, ("dtls", "1.3"): 0xfefc}


def ours(segmon, capture):
    """{key: {(version, application)}}"""
    versions = collections.defaultdict(set)
    output = subprocess.run([segmon, "replay", "-q", "-k", "-e", "flow", "-o", "-", capture],
                            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    for line in output.splitlines():
        event = json.loads(line)
        src, dst, tls = event["source"], event["destination"], event.get("tls", {})
        app = event["segmon"].get("app", {})
        version = VERSIONS.get((tls.get("version_protocol"), tls.get("version")), 0)
        versions[key(int(event["network"]["iana_number"]), src["ip"], src.get("port", 0),
                     dst["ip"], dst.get("port", 0))].add(
                         (version, app.get("master") or app.get("name") or ""))
    return versions


def captures_in(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, _, names in sorted(os.walk(path)):
            for name in sorted(names):
                if re.search(r"\.(pcap|pcapng|cap|dmp)(\.gz)?$", name):
                    yield os.path.join(folder, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("segmon")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if shutil.which("tshark") is None:
        print("skipped: tshark is not installed")
        return 77
    if not all(os.path.exists(path) for path in options.paths):
        print("skipped: no captures there")
        return 77
    counts = collections.Counter()
    for capture in captures_in(options.paths):
        mine = ours(options.segmon, capture)
        reference = theirs(capture) if mine else {}
        for flow, version in reference.items():
            own = {v for v, _ in mine.get(flow, ())}
            if version in own:
                counts["agree"] += 1
                continue
            what = ("not our conversation" if not own else
                    "not seen by us" if own == {0} else "differ")
            counts[what] += 1
            if options.verbose:
                print(f"{what}\t{os.path.basename(capture)}\t{flow}\t"
                      f"{version:04x}\t{sorted(mine.get(flow, ()))}")
        for flow, own in mine.items():
            if flow not in reference and any(
                    v and not name.startswith("QUIC") for v, name in own):
                counts["seen by us only"] += 1
                if options.verbose:
                    print(f"seen by us only\t{os.path.basename(capture)}\t"
                          f"{flow}\t{sorted(own)}")
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    return 1 if counts["differ"] or not counts["agree"] else 0


if __name__ == "__main__":
    sys.exit(main())
