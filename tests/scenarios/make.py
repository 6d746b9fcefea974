#!/usr/bin/env python3
"""The captures of the scenarios: make.py writes them; make.py --check says, by
its exit status, whether those that are here are what it would write.

Every scenario is a function that is called as its folder, and returns packets
in order: (seconds, frame).  Addresses are private or for documentation."""
import pathlib
import struct
import sys
from datetime import datetime, timezone

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import packets as p  # noqa: E402

SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


START = at("2026-03-10 12:00:00")


class Tape:
    """Packets one after another, a millisecond apart unless told otherwise."""

    def __init__(self, start=START):
        self.time, self.packets, self.port = start, [], 40000

    def add(self, *frames):
        for frame in frames:
            self.packets.append((self.time, frame))
            self.time += 0.001

    def wait(self, seconds):
        self.time += seconds

    def goto(self, text):
        self.time = at(text)

    def session(self, client, server, port, request=b"", response=b"", tag=None):
        self.port += 1
        frames = p.tcp_session(client, server, port, self.port, request, response)
        self.add(*(p.vlan(f, tag) if tag else f for f in frames))

    def refused(self, client, server, port):
        self.port += 1
        self.add(p.tcp(client, self.port, server, port, p.SYN),
                 p.tcp(server, port, client, self.port, p.RST | p.ACK, 0, 1))

    def unanswered(self, client, server, port):
        self.port += 1
        self.add(p.tcp(client, self.port, server, port, p.SYN))


def dns_question(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def dns_answer(name, address):
    question = dns_question(name)
    return (struct.pack(">HHHHHH", 0x1234, 0x8180, 1, 1, 0, 0) + question[12:] +
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes(int(x) for x in address.split(".")))


def recorded(*hosts):
    """What two hosts said to each other in the lab's recording."""
    data = (HERE.parent / "lab/sample/segments.pcap").read_bytes()
    wanted = {bytes(int(x) for x in host.split(".")) for host in hosts}
    offset, frames = 24, []
    while offset < len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, offset)
        frame = data[offset + 16:offset + 16 + size]
        if frame[12:14] == b"\x08\x00" and {frame[26:30], frame[30:34]} == wanted:
            frames.append((seconds + micros / 1e6, frame))
        offset += 16 + size
    return frames


@scenario
def port_scan_across_segments():
    tape = Tape()
    for port in range(1, 101):
        if port == 22:
            tape.session("10.1.0.66", "10.2.0.10", port)
        elif port % 10 == 0:
            tape.unanswered("10.1.0.66", "10.2.0.10", port)
        else:
            tape.refused("10.1.0.66", "10.2.0.10", port)
    return tape.packets


@scenario
def lateral_movement_by_ssh_and_smb():
    tape = Tape()
    tape.session("10.50.0.2", "10.2.0.10", 22, SSH, SSH)   # As it should be.
    tape.session("10.1.0.66", "10.1.0.67", 445)            # From desk to desk,
    tape.session("10.1.0.67", "10.2.0.10", 22, SSH, SSH)   # on to a server,
    tape.session("10.2.0.10", "10.3.0.5", 445)             # and to the directory.
    tape.refused("10.2.0.10", "10.3.0.5", 3389)
    return tape.packets


@scenario
def tls_below_minimum():
    # The lab's old client and its shop, TLS 1.0; a customer of today, TLS 1.3.
    return sorted(recorded("203.0.113.66", "10.10.0.5") + recorded("203.0.113.9", "10.10.0.5"))


@scenario
def vendor_outside_its_window():
    tape = Tape()
    connect = bytes.fromhex("0300001611e00000000100c1020100c2020102c0010a")
    answer = bytes.fromhex("0300001611d00001000200c0010ac1020100c2020102")
    for when in ("2026-03-07 19:59:59", "2026-03-07 20:00:00", "2026-03-08 03:59:59",
                 "2026-03-08 04:00:00", "2026-03-10 23:00:00"):
        tape.goto(when)
        # Another workstation each time, so that each is a violation of its own.
        tape.session(f"10.90.0.{len(tape.packets) // 8 + 1}", "10.82.1.20", 102, connect, answer)
    return tape.packets


@scenario
def plc_speaks_to_the_internet():
    tape = Tape()
    tape.session("10.81.0.10", "10.82.1.20", 502)          # Its control room.
    tape.session("10.82.1.20", "198.51.100.10", 443)       # A cloud it was told of,
    tape.unanswered("203.0.113.66", "10.82.1.20", 502)     # and who found it there.
    tape.add(p.udp("10.82.1.20", 5000, "192.0.2.53", 53, dns_question("plc.example")))
    return tape.packets


@scenario
def broken_and_working_controls():
    tape = Tape()
    tape.session("10.1.0.5", "10.2.0.10", 5432)            # The filter is not there.
    tape.refused("10.1.0.5", "10.2.0.10", 3306)            # It rejects.
    tape.unanswered("10.1.0.5", "10.2.0.10", 1433)         # It drops.
    tape.port += 1
    syn = p.tcp("10.1.0.5", tape.port, "10.2.0.10", 1521, p.SYN)
    tape.add(syn, p.icmp("10.1.0.1", "10.1.0.5", 3, 13, b"\0\0\0\0" + syn[14:42]))
    tape.add(p.udp("10.1.0.5", 6000, "10.2.0.10", 161, b"public"),
             p.udp("10.2.0.10", 161, "10.1.0.5", 6000, b"answer"))
    return tape.packets


@scenario
def icmp_error_about_an_unseen_flow():
    # The sensor saw only the router's answers: to what was asked is judged.
    tape = Tape()
    for port in (80, 22):
        syn = p.tcp("10.1.0.5", 50000 + port, "10.2.0.10", port, p.SYN)
        tape.add(p.icmp("10.2.0.1", "10.1.0.5", 3, 1, b"\0\0\0\0" + syn[14:42]))
    return tape.packets


@scenario
def staged_rules_decide_nothing():
    tape = Tape()
    tape.session("10.1.0.5", "10.2.0.10", 80)              # Staged: would be denied.
    tape.refused("10.1.0.6", "10.2.0.10", 80)              # So would this.
    tape.session("10.1.0.5", "10.2.0.10", 8443)            # Staged: would be allowed.
    return tape.packets


@scenario
def exception_that_expired():
    tape = Tape()
    for host, when in ((1, "2026-02-28 23:59:59"), (2, "2026-03-01 00:00:00"),
                       (3, "2026-03-31 23:59:59"), (4, "2026-04-01 00:00:00")):
        tape.goto(when)
        tape.session(f"10.90.0.{host}", "10.2.0.10", 22, SSH, SSH)
    return tape.packets


@scenario
def sweep_is_told_once():
    tape = Tape()
    for host in range(1, 221):
        tape.unanswered("10.1.0.66", f"10.2.0.{host}", 445)
    return tape.packets


@scenario
def few_failures_stay_below_the_threshold():
    tape = Tape()
    for _ in range(4):                                     # A typing error or two,
        tape.refused("10.1.0.5", "10.2.0.10", 22)
        tape.wait(1)
    for _ in range(5):                                     # a script,
        tape.refused("10.1.0.66", "10.2.0.10", 22)
        tape.wait(1)
    for _ in range(6):                                     # and one every minute.
        tape.refused("10.1.0.7", "10.2.0.10", 22)
        tape.wait(61)
    return tape.packets


@scenario
def our_own_scanner_is_suppressed():
    tape = Tape()
    for host in ("10.1.0.77", "10.1.0.66"):                # Ours, and one that is not.
        for port in (21, 23, 445):
            tape.refused(host, "10.2.0.10", port)
    tape.goto("2027-01-01 00:00:00")                       # Ours, a year later.
    tape.refused("10.1.0.77", "10.2.0.10", 21)
    return tape.packets


@scenario
def tenants_with_equal_addresses():
    tape = Tape()
    for tag in (100, 200):
        tape.session("10.0.0.5", "10.9.0.10", 443, tag=tag)
    tape.session("10.0.0.5", "10.9.0.10", 443)
    return tape.packets


@scenario
def names_asked_of_a_foreign_resolver():
    tape = Tape()
    for server in ("10.40.1.2", "198.51.100.53", "10.2.0.10"):
        tape.port += 1
        tape.add(p.udp("10.1.0.5", tape.port, server, 53, dns_question("www.example.com")),
                 p.udp(server, 53, "10.1.0.5", tape.port,
                       dns_answer("www.example.com", "192.0.2.1")))
        tape.wait(1)
    return tape.packets


@scenario
def scan_of_what_is_permitted():
    tape = Tape()
    for host in range(1, 31):
        tape.session("10.1.0.5", f"10.2.0.{host}", 443)    # A proxy is busy,
    for host in range(1, 31):
        tape.unanswered("10.1.0.66", f"10.2.1.{host}", 443)  # and one that searches.
    return tape.packets


@scenario
def rogue_name_server():
    tape = Tape()
    for server in ("10.1.0.2", "10.1.0.66"):               # Inside the segment.
        tape.port += 1
        tape.add(p.udp("10.1.0.5", tape.port, server, 53, dns_question("intranet.example")),
                 p.udp(server, 53, "10.1.0.5", tape.port,
                       dns_answer("intranet.example", "10.1.0.66")))
    return tape.packets


@scenario
def diode_that_lets_something_back():
    tape = Tape()
    for host in (1, 2):
        tape.add(p.udp(f"10.81.0.{host}", 7000, "10.4.0.9", 5140, b"pressure=4.2"))
    tape.add(p.udp("10.4.0.9", 5140, "10.81.0.2", 7000, b"ok"))
    return tape.packets


@scenario
def something_else_on_the_port_of_the_web():
    tape = Tape()
    tape.session("10.1.0.5", "198.51.100.7", 80,
                 b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    tape.session("10.1.0.66", "198.51.100.7", 80, SSH, SSH)
    return tape.packets


@scenario
def conversation_joined_in_the_middle():
    # A replacement of the sensor's tap: the handshake was before.
    tape = Tape()
    tape.add(p.tcp("10.2.0.10", 443, "10.1.0.5", 40001, p.PSH | p.ACK, 100, 100, b"\x17\3\3\0\1x"),
             p.tcp("10.1.0.5", 40001, "10.2.0.10", 443, p.ACK, 100, 106))
    tape.add(p.tcp("10.2.0.10", 22, "10.3.0.5", 40002, p.PSH | p.ACK, 100, 100, b"x"),
             p.tcp("10.3.0.5", 40002, "10.2.0.10", 22, p.ACK, 100, 101))
    return tape.packets


@scenario
def syn_that_comes_late():
    # Who opens is known by the SYN, even if other packets overtook it.
    tape = Tape()
    for port, syn_is_seen in ((22, True), (23, False)):
        client, server = ("10.1.0.5", 40000), ("10.2.0.10", port)
        tape.add(p.tcp(*client, *server, p.ACK, 1, 1))
        if syn_is_seen:
            tape.add(p.tcp(*client, *server, p.SYN), p.tcp(*server, *client, p.SYN | p.ACK, 0, 1))
        tape.add(p.tcp(*client, *server, p.PSH | p.ACK, 1, 1, b"x"))
    return tape.packets


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for name, function in SCENARIOS.items():
        path, content = HERE / name / "capture.pcap", p.pcap(function())
        if check and (not path.exists() or path.read_bytes() != content):
            stale.append(name)
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    folders = {path.parent.name for path in HERE.glob("*/policy.yaml")}
    stale += sorted(folders ^ SCENARIOS.keys()) if check else []
    if stale:
        sys.exit("not as make.py makes them: " + ", ".join(stale))


if __name__ == "__main__":
    main()
