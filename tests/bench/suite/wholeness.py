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


def check(tools, capture, folder):
    options = ["-q", "-p", policies.ENTERPRISE, "-e", "flow,status"]
    read, seen = folder / "read.ndjson", folder / "seen.ndjson"
    subprocess.run([tools.segmon, "replay", *options, "-o", read, capture], check=True)
    process = subprocess.Popen(
        [str(word) for word in network.inside("r", tools.segmon, "run", "-i", "r0", "-w", "2",
                                              *options, "-o", seen)])
    time.sleep(2)
    sent = once_over(tools, capture, folder)
    time.sleep(1.5)
    process.terminate()
    process.wait(120)
    wanted, _ = flows_of(read)
    got, status = flows_of(seen)
    return Whole(sum(wanted.values()), list((wanted - got).elements()),
                 list((got - wanted).elements()), status["capture"]["frames"], sent)
