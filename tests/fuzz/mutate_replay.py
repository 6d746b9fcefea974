#!/usr/bin/env python3
"""Flips bytes of captures and replays them: mutate_replay.py SEGMON POLICY
SECONDS SEED CAPTURE...

For a sanitizer build, run by hand.  Whatever the bytes, segmon ends by itself
with status 0 or 1, and every line it writes is JSON.  A capture that breaks
this is kept and named."""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

MAX_BYTES = 2_000_000


def mutate(content, rng):
    content = bytearray(content)
    for _ in range(rng.choice((1, 3, 10, 100, 1000))):
        at = rng.randrange(len(content))
        kind = rng.randrange(4)
        if kind == 0:
            content[at] = rng.randrange(256)
        elif kind == 1:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            content[at:at + 2] = rng.choice((b"\xff\xff", b"\0\0", b"\x7f\xff", b"\x80\0"))
        else:
            source = rng.randrange(len(content))
            size = rng.randrange(1, 200)
            content[at:at + size] = content[source:source + size]
    if rng.randrange(10) == 0:
        del content[rng.randrange(len(content)):]
    return bytes(content)


def trouble(segmon, policy, path, workers):
    command = [segmon, "replay", "-q", "-k", "-p", policy, "-w", str(workers), "-o", "-", path]
    try:
        run = subprocess.run(command, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "hangs"
    if run.returncode not in (0, 1):
        return f"status {run.returncode}: {run.stderr[-2000:].decode(errors='replace')}"
    for line in run.stdout.splitlines():
        try:
            json.loads(line)
        except ValueError as error:
            return f"{error}: {line[:500]!r}"
    return None


def main():
    segmon, policy, seconds, seed, *captures = sys.argv[1:]
    rng = random.Random(int(seed))
    captures = [c for c in captures if 24 < os.path.getsize(c) <= MAX_BYTES]
    end = time.monotonic() + float(seconds)
    runs = failures = 0
    while time.monotonic() < end:
        name = rng.choice(captures)
        with open(name, "rb") as file:
            content = mutate(file.read(), rng)
        with tempfile.NamedTemporaryFile(prefix="mutated-", delete=False) as file:
            file.write(content)
        what = trouble(segmon, policy, file.name, rng.choice((1, 2)))
        runs += 1
        if what:
            failures += 1
            print(f"{file.name} from {name}: {what}", flush=True)
        else:
            os.unlink(file.name)
    print(f"{runs} runs over {len(captures)} captures, {failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
