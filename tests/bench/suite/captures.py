"""The captures that are measured with; made anew, never committed."""
import dataclasses
import hashlib
import pathlib
import struct
import subprocess

NAMES = ("mix", "flows", "elephant")
SEED = "1"


@dataclasses.dataclass
class Capture:
    name: str
    path: pathlib.Path
    packets: int = 0
    flows: int = 0

    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]


def make(tools, name, scale, folder):
    path = folder / f"{name}-{scale}.pcap"
    said = subprocess.run(
        [tools.generate, name, SEED, scale, path, path.with_suffix(".tsv")],
        check=True, capture_output=True, text=True).stdout
    facts = dict(line.split() for line in said.splitlines())
    return Capture(name, path, int(facts["packets"]), int(facts["flows"]))


def make_empty(folder):
    """What a program costs before the first packet."""
    path = folder / "empty.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    return Capture("empty", path)
