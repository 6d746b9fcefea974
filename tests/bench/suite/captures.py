"""The captures that are measured with; made anew, never committed."""
import dataclasses
import hashlib
import pathlib
import struct
import subprocess

NAMES = ("mix", "flows", "elephant", "idle")
SEED = "1"
IDLE_SCALE = "0.5"  # Whatever is asked for: more flows than any peer sets memory aside for.


@dataclasses.dataclass
class Capture:
    name: str
    path: pathlib.Path
    packets: int = 0
    flows: int = 0

    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]


def make(tools, name, scale, folder):
    scale = IDLE_SCALE if name == "idle" else scale
    path = folder / f"{name}-{scale}.pcap"
    said = subprocess.run(
        [tools.generate, name, SEED, scale, path, path.with_suffix(".tsv")],
        check=True, capture_output=True, text=True).stdout
    facts = dict(line.split() for line in said.splitlines())
    return Capture(name, path, int(facts["packets"]), int(facts["flows"]))


def make_empty(folder):
    """What a program costs before the first flow: one ARP question, because some
    programs refuse a capture without packets."""
    path = folder / "empty.pcap"
    frame = (b"\xff" * 6 + b"\2\0\0\0\0\1" + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
             + b"\2\0\0\0\0\1" + bytes([10, 20, 0, 1]) + bytes(6) + bytes([10, 20, 0, 2]))
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
                     + struct.pack("<IIII", 1772442000, 0, len(frame), len(frame)) + frame)
    return Capture("empty", path)
