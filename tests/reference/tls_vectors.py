#!/usr/bin/env python3
"""Whether flow events bear the TLS version that was negotiated.

usage: tls_vectors.py SEGMON FOLDER

The captures in FOLDER are named cXXsYY.pcap: the client offers up to X.X, the
server chooses Y.Y.  Exit status 1 if an event says otherwise, 77 without FOLDER.
"""
import json
import pathlib
import re
import subprocess
import sys


def main():
    segmon, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    captures = sorted(folder.glob("c??s??.pcap"))
    if not captures:
        print("skipped: no captures at", folder)
        return 77
    failed = 0
    for capture in captures:
        run = subprocess.run([segmon, "replay", "-q", "-e", "flow", "-o", "-", capture],
                             check=True, stdin=subprocess.DEVNULL, capture_output=True)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        tls = [(e["tls"]["version_protocol"], e["tls"]["version"]) for e in events]
        chosen = ".".join(re.fullmatch(r"c..s(.)(.)", capture.stem).groups())
        if tls != [("tls", chosen)]:
            failed += 1
            print(f"{capture.name}: {tls}, not {chosen}")
    print(f"{len(captures) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
