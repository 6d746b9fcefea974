"""Whether two workers on a wire tell of the same flows as one that reads the capture
from a file: every record whole, none twice, none missing."""
import collections
import dataclasses
import json
import subprocess
import time

import live as network
from suite import policies

PACE = 20000  # Frames a second: the question is not how fast.
PATIENCE = 30  # Seconds.
TAIL = 1 << 18  # Bytes of a file that hold a status event, if there was one lately.
TRIES = 5


@dataclasses.dataclass
class Whole:
    flows: int
    missing: list
    surplus: list
    frames: int
    sent: int

    @property
    def good(self):
        return not self.missing and not self.surplus and self.frames == self.sent


def facts(event):
    """What of a flow does not depend on when it came by, or on who saw it."""
    source, destination, segmon = event["source"], event["destination"], event["segmon"]
    return (source["ip"], source.get("port"), destination["ip"], destination.get("port"),
            event["network"]["transport"], str(event["network"].get("vlan")),
            source["packets"], source["bytes"], destination["packets"], destination["bytes"],
            segmon["initiator_evidence"], segmon["outcome"], segmon.get("history"))


def flows_of(path):
    found, status = collections.Counter(), None
    with open(path, encoding="utf-8") as file:
        for event in map(json.loads, file):
            if event["event"]["dataset"] == "segmon.status":
                status = event["segmon"]["status"]
            else:
                found[facts(event)] += 1
    return found, status


def once_over(tools, capture, folder):
    """How many frames it has, all of them sent once at a steady pace."""
    return int(subprocess.run(
        [str(word) for word in network.inside("w", tools.send, "w0", capture, 1, PACE)],
        check=True, capture_output=True, text=True).stdout)


def last_status(path):
    """None if there is none yet."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL))
        lines = file.read().split(b"\n")[1:-1]  # The first may be a part, and so the last.
    for line in reversed(lines):
        if b'"segmon.status"' in line:
            return json.loads(line)["segmon"]["status"]
    return None


def wait_until(path, what):
    """The last status is as it shall be; it comes every second."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        status = last_status(path) if path.exists() else None
        if status and what(status):
            return
        time.sleep(0.1)


def see(tools, capture, options, seen):
    """Frames sent, once all of them were read, as far as they are."""
    seen.unlink(missing_ok=True)
    process = subprocess.Popen(
        [str(word) for word in network.inside("r", tools.segmon, "run", "-i", "r0", "-w", "2",
                                              "--heartbeat", "1", *options, "-o", seen)])
    wait_until(seen, lambda status: status["interfaces"][0]["state"] == "capturing")
    sent = once_over(tools, capture, seen.parent)
    wait_until(seen, lambda status: status["capture"]["frames"] >= sent)
    process.terminate()
    process.wait(120)
    return sent


def check(tools, capture, folder):
    """More than once, if a busy machine had frames fall before any capture."""
    options = ["-q", "-p", policies.ENTERPRISE, "-e", "flow,status"]
    read, seen = folder / "read.ndjson", folder / "seen.ndjson"
    subprocess.run([tools.segmon, "replay", *options, "-o", read, capture], check=True)
    wanted, _ = flows_of(read)
    for _ in range(TRIES):
        before = network.backlog_drops()
        sent = see(tools, capture, options, seen)
        got, status = flows_of(seen)
        if network.backlog_drops() == before:
            break
    return Whole(sum(wanted.values()), list((wanted - got).elements()),
                 list((got - wanted).elements()), status["capture"]["frames"], sent)
