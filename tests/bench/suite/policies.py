"""Policies of any size that decide as a small one does."""
import itertools
import pathlib
import random

ENTERPRISE = pathlib.Path(__file__).resolve().parents[3] / "rules/examples/enterprise-pci-ot.yaml"
TALKING = (  # Pairs of segments that have something to say in the capture mix.
    ("users", "ad"), ("users", "internet"), ("users", "servers"), ("users", "pcidb"),
    ("servers", "ad"), ("servers", "monitoring"), ("servers", "internet"), ("guest", "ad"),
    ("guest", "internet"), ("guest", "servers"), ("internet", "dmz"), ("dmz", "pciapp"),
    ("pciapp", "pcidb"), ("monitoring", "servers"), ("scada", "cell"))
NOBODY = {  # Hosts that say nothing: what they have in common, the first, the last.
    "ad": ("10.40.1", 5, 14), "servers": ("10.40.250", 1, 254),
    "internet": ("203.0.113", 1, 254), "monitoring": ("10.50.1", 100, 254),
    "dmz": ("10.10.0", 100, 254), "pciapp": ("10.60.0", 100, 254),
    "pcidb": ("10.60.10", 100, 254), "cell": ("10.82.1", 221, 254)}
SERVICES = ("https", "http", "dns", "ssh", "smb", "ldap", "rdp", "postgresql", "snmp",
            "tcp/8000-8999")
WHOLE = 0x0A800000, 9  # 10.128.0.0/9: where 'crowd' has its hosts.


def with_rules(n, folder):
    """The enterprise's policy with 'n' rules before its own, all of them about
    segments that talk and services that are used.  Each is for one host that is
    not there, so it is looked at and decides nothing."""
    path = folder / f"rules-{n}.yaml"
    draw = random.Random(n)
    head, own = ENTERPRISE.read_text().split("\nrules:\n")
    head = "\n".join(line for line in head.splitlines() if not line.startswith("#"))
    with open(path, "w") as file:
        file.write(head + "\nrules:\n")
        for number in range(n):
            source, target = draw.choice(TALKING)
            prefix, first, last = NOBODY[target]
            host = f"{prefix}.{draw.randint(first, last)}"
            file.write(f"  - {{id: r{number}, from: {source}, to: {target}, to_addr: {host}, "
                       f"service: {draw.choice(SERVICES)}, action: allow}}\n")
        file.write(own)
    return path


def with_segments(n, folder):
    """What 'crowd' is judged with: its addresses in 'n' segments of much the same
    size, all of which may talk."""
    path = folder / f"segments-{n}.yaml"
    with open(path, "w") as file:
        file.write("version: 1\npolicy: {name: crowd, revision: \"1\"}\nsegments:\n")
        for number, (first, bits) in enumerate(parts(n)):
            text = ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))
            file.write(f"  s{number}: {{networks: [{text}/{bits}], intra: allow}}\n")
        file.write("rules:\n  - {id: all, from: any, to: any, action: allow}\n")
    return path


def parts(n):
    """(first address, length of prefix) of 'n' prefixes that make up the whole."""
    first, bits = WHOLE
    short = n.bit_length() - 1  # So many bits more, for all; one more for some.
    whole = [(first + (i << 32 - bits - short), bits + short) for i in range(1 << short)]
    extra = n - (1 << short)
    halves = [((at, length + 1), (at + (1 << 31 - length), length + 1))
              for at, length in whole[:extra]]
    return [*itertools.chain(*halves), *whole[extra:]]
