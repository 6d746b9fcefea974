#!/usr/bin/env python3
"""segmon doctor on interfaces of its own (see live.py): test_doctor.py SEGMON SEND_FRAMES.

Each fault is made for real, and is to be found, and nothing else.  Needs root and says
so: status 77."""
import contextlib
import ctypes
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

import jsonschema

import live
from live import NAME, ROOT, inside, ip, p
import processes  # noqa: E402  live.py says where.
import redis_server as redis  # noqa: E402

SCHEMA = json.loads((ROOT / "tools/doctor/schema/segmon-doctor-1.0.json").read_text())
OF_THE_MACHINE = {"clock", "host"}  # Areas that the tests do not make.
PLAIN = "D-LINK-RXVLAN"  # What every virtual interface here has.
SENDER = b"\x02\0\0\0\0\x01"


def setUpModule():
    live.add_networks()
    set_offloads("w", "w0", tso="off", gso="off", gro="off")
    set_offloads("r", "r0", gro="off", rxvlan="off")


tearDownModule = live.remove_networks


def set_offloads(end, interface, **features):
    words = [word for feature in features.items() for word in feature]
    subprocess.run(inside(end, "ethtool", "-K", interface, *words), check=True,
                   capture_output=True)


def checksummed(frame):
    """The Ethernet frame of an IPv4 packet, with the checksum of TCP or UDP right."""
    at = 14
    header = (frame[at] & 15) * 4
    length = struct.unpack_from(">H", frame, at + 2)[0]
    protocol, segment = frame[at + 9], bytearray(frame[at + header:at + length])
    field = 16 if protocol == 6 else 6
    segment[field:field + 2] = b"\0\0"
    pseudo = frame[at + 12:at + 20] + struct.pack(">HH", protocol, len(segment))
    data = pseudo + bytes(segment) + b"\0" * (len(segment) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    segment[field:field + 2] = struct.pack(">H", ~total & 0xFFFF)
    return frame[:at + header] + bytes(segment) + frame[at + length:]


def numbered(frames):
    """Each packet with an identification of its own, as most systems send them."""
    out = []
    for i, frame in enumerate(frames):
        packet = bytearray(frame)
        packet[18:20] = struct.pack(">H", i % 65535 + 1)
        packet[24:26] = b"\0\0"
        total = sum(struct.unpack(">10H", packet[14:34]))
        total = (total >> 16) + (total & 0xFFFF)
        total += total >> 16
        packet[24:26] = struct.pack(">H", ~total & 0xFFFF)
        out.append(checksummed(bytes(packet)))
    return out


def conversations(n, size=600):
    frames = []
    for i in range(n):
        frames += p.tcp_session(f"10.1.{i // 250}.{i % 250 + 1}", f"10.2.0.{i % 7 + 1}", 80,
                                sport=20000 + i, request=b"GET / HTTP/1.0\r\n\r\n",
                                response=b"x" * size)
    return numbered(frames)


def from_client(frame):
    return frame[26:28] == b"\x0a\x01"


class Doctor(live.Live):
    def examine(self, *options, status=None, end="r", environment=None):
        """The document, which is as its schema says."""
        run = subprocess.run(inside(end, live.SEGMON, "doctor", "--json", *options),
                             capture_output=True, timeout=120, env=environment)
        self.assertEqual(run.stderr, b"")
        document = json.loads(run.stdout)
        jsonschema.validate(document, SCHEMA)
        self.assertEqual(document["status"], run.returncode)
        if status is not None:
            self.assertEqual(run.returncode, status, document)
        return document

    @staticmethod
    def wait_until_it_captures(n=1):
        """So many sockets for packets get some, as the sixth column says: one that was
        only just made does not yet."""
        def sockets():
            lines = subprocess.run(inside("r", "cat", "/proc/net/packet"), check=True,
                                   capture_output=True, text=True).stdout.splitlines()[1:]
            return sum(line.split()[5] == "1" for line in lines)

        processes.wait_until(lambda: sockets() >= n, "it captures")

    @contextlib.contextmanager
    def sending(self, frames, link="w0", pace=2000):
        """The capture, over and over."""
        path = self.capture(frames)
        done = threading.Event()

        def send():
            while not done.wait(0.02):
                self.send(path, 1, pace, link)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            done.set()
            sender.join()

    def findings(self, frames, *options, interface="r0"):
        """What is found of an interface while frames come."""
        with self.sending(frames):
            document = self.examine("-i", interface, "-s", "1", *options)
        return self.of_the_interface(document)

    def of_the_interface(self, document):
        return {finding["code"]: finding for finding in document["findings"]
                if finding["area"] not in OF_THE_MACHINE}

    def check(self, frames, *codes, options=()):
        """That these are found, and no others."""
        found = self.findings(frames, *options)
        self.assertEqual(set(found), set(codes), json.dumps(found, indent=1))
        return [found[code] for code in codes]


class Traffic(Doctor):
    def test_of_a_healthy_span_port_has_no_findings(self):
        self.check(conversations(40))

    def test_is_missed_where_there_is_none(self):
        document = self.examine("-i", "r0", "-s", "1", status=5)
        self.assertEqual(set(self.of_the_interface(document)), {"D-TRAFFIC-NONE"})

    def test_of_any_port_is_no_span(self):
        frames = []
        for i in range(40):
            frame = checksummed(p.udp("10.1.0.1", 5353, "224.0.0.251", 5353, b"%d" % i, ident=i))
            frames.append(b"\x01\x00\x5e\x00\x00\xfb" + frame[6:])
            frames.append(b"\xff" * 6 + SENDER + b"\x08\x06" + bytes(46))
        (found,) = self.check(frames, "D-TRAFFIC-NO-SPAN")
        self.assertEqual(found["evidence"]["multicast"], found["evidence"]["frames"])

    def test_to_the_interface_itself_is_no_span(self):
        own = pathlib.Path("/sys/class/net/r0/address")
        address = subprocess.run(inside("r", "cat", own), check=True, capture_output=True).stdout
        address = bytes.fromhex(address.decode().strip().replace(":", ""))
        (found,) = self.check([address + frame[6:] for frame in conversations(20)],
                              "D-TRAFFIC-NO-SPAN")
        self.assertEqual(found["evidence"]["own"], found["evidence"]["frames"])

    def test_of_one_direction_is_found(self):
        for side in (True, False):
            frames = [f for f in conversations(40) if from_client(f) == side]
            (found,) = self.check(frames, "D-TRAFFIC-ONE-SIDED")
            self.assertEqual(found["evidence"]["two_sided"], 0)

    def test_of_one_direction_here_and_there_is_found(self):
        frames = [f for i, f in enumerate(conversations(40)) if i // 8 % 4 or from_client(f)]
        self.check(frames, "D-TRAFFIC-PARTLY-ONE-SIDED")

    def test_of_attempts_that_nobody_answers_is_fine(self):
        scan = numbered([p.tcp("10.1.0.1", 40000 + i, "10.2.0.1", i + 1, p.SYN, seq=i)
                         for i in range(200)])
        self.check(conversations(20) + scan)

    def test_of_one_direction_on_each_interface_is_fine(self):
        live.add_link(1)
        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "del", "r1")
        set_offloads("w", "w1", tso="off", gso="off")
        set_offloads("r", "r1", gro="off", rxvlan="off")
        frames = conversations(40)
        there = self.capture([f for f in frames if from_client(f)], "there.pcap")
        back = self.capture([f for f in frames if not from_client(f)], "back.pcap")

        def send():
            self.wait_until_it_captures(2)
            for path, link in ((there, "w0"), (back, "w1")):
                self.send(path, link=link)

        sender = threading.Thread(target=send)
        sender.start()
        document = self.examine("-i", "r0,r1", "-s", "4")
        sender.join()
        self.assertEqual(self.of_the_interface(document), {})
        seen = [one["traffic"] for one in document["interfaces"]]
        self.assertEqual([one["tcp_one_sided"] for one in seen], [0, 0])
        self.assertEqual(sum(one["tcp_two_sided"] for one in seen), 40)

    def test_that_comes_twice_is_found(self):
        frames = [f for frame in conversations(40) for f in (frame, frame)]
        (found,) = self.check(frames, "D-TRAFFIC-DOUBLED")
        self.assertAlmostEqual(found["evidence"]["copies"] / found["evidence"]["packets"], 0.5,
                               delta=0.1)

    def test_with_gaps_is_found(self):
        frames = []
        for i in range(40):
            session = p.tcp_session(f"10.1.0.{i + 1}", "10.2.0.1", 80, sport=30000 + i,
                                    request=b"r" * 500, response=b"s" * 500)
            del session[4]
            frames += session
        (found,) = self.check(numbered(frames), "D-TRAFFIC-GAPS")
        share = found["evidence"]["missed_bytes"] / found["evidence"]["content_bytes"]
        self.assertGreater(share, 0.1)

    def test_out_of_order_is_found(self):
        frames = []
        for i in range(40):
            ends = f"10.1.0.{i + 1}", 30000 + i, "10.2.0.1", 80
            session = p.tcp_session(ends[0], ends[2], 80, sport=ends[1], request=b"")
            data = [p.tcp(*ends, p.ACK, 1 + 100 * j, 1, b"d" * 100) for j in (1, 0)]
            rest = [p.tcp(*ends, p.FIN | p.ACK, 201, 1),
                    p.tcp(ends[2], 80, ends[0], ends[1], p.FIN | p.ACK, 1, 202)]
            frames += session[:3] + data + rest
        self.check(numbered(frames), "D-TRAFFIC-DISORDER")

    def test_with_vlan_tags_is_told(self):
        frames = [p.vlan(f, 7 + i % 2) for i, f in enumerate(conversations(40))]
        (found,) = self.check(frames, "D-TRAFFIC-VLANS")
        self.assertEqual((found["evidence"]["vlans"], found["evidence"]["untagged"]), ("7,8", 0))
        self.assertEqual(found["severity"], "info")

    def test_with_two_tags_is_told(self):
        (found,) = self.check([p.vlan(p.vlan(f, 9), 7) for f in conversations(20)],
                              "D-TRAFFIC-VLANS")
        self.assertEqual(found["evidence"]["twice_tagged"], found["evidence"]["tagged"])

    def test_longer_than_the_snapshot_length_is_found(self):
        (found,) = self.check(conversations(20), "D-TRAFFIC-SNAPLEN", options=("--snaplen", "96"))
        self.assertEqual(found["evidence"]["longest"], 14 + 40 + 600)

    def test_that_was_cut_before_is_found(self):
        (found,) = self.check([f[:128] for f in conversations(40)], "D-TRAFFIC-CUT")
        self.assertEqual(found["evidence"]["longest"], 128)

    def test_without_ip_is_found(self):
        frames = [b"\x02\0\0\0\0\x02" + SENDER + b"\x88\x92" + bytes(46)] * 100
        (found,) = self.check(frames, "D-TRAFFIC-NOT-IP")
        self.assertEqual(found["evidence"]["most_are"], "0x8892")

    def test_under_macsec_is_found(self):
        # IEEE 802.1AE: encrypted and changed, short length 0, packet number, SCI.
        tag = b"\x88\xe5" + b"\x2c\x00" + struct.pack(">I", 5) + b"\x02\0\0\0\0\x01\0\x01"
        frames = [b"\x02\0\0\0\0\x02" + SENDER + tag + random.randbytes(80) for _ in range(50)]
        self.check(frames, "D-TRAFFIC-ENCRYPTED")

    def test_with_broken_headers_is_found(self):
        broken = [f[:14] + b"\x44" + f[15:] for f in conversations(10)]
        self.check(conversations(10) + broken, "D-TRAFFIC-DAMAGED")

    def test_in_fragments_is_told(self):
        frames = []
        for i in range(50):
            data = struct.pack(">HHHH", 5000, 53, 1608, 0) + b"y" * 1600
            for offset in (0, 800):
                part = data[:800] if offset == 0 else data[offset:]
                whole = bytearray(p.ethernet(p.ipv4("10.1.0.1", "10.2.0.1", 17, part, ident=i)))
                whole[20:22] = struct.pack(">H", (0x2000 if offset == 0 else 0) | offset // 8)
                frames.append(bytes(whole))
        self.check(frames, "D-TRAFFIC-FRAGMENTS")

    def test_in_tunnels_is_told(self):
        frames = [checksummed(p.udp("192.0.2.1", 50000, "192.0.2.2", 4789,
                                    b"\x08\0\0\0\0\0\x05\0" + inner, ident=i + 1))
                  for i, inner in enumerate(conversations(20))]
        (found,) = self.check(frames, "D-TRAFFIC-TUNNELS")
        self.assertGreater(found["evidence"]["vxlan"], 0)

    def test_with_wrong_checksums_is_told(self):
        frames = [f[:50] + b"\xbe\xef" + f[52:] for f in conversations(40)]
        (found,) = self.check(frames, "D-TRAFFIC-CHECKSUMS")
        self.assertEqual(found["severity"], "info")

    def test_that_the_machine_loses_is_found(self):
        """More than its ring holds comes while it may not read."""
        big = [p.vlan(f, 5)[:60] for f in conversations(400)]
        path = self.capture(big)
        run = subprocess.Popen(inside("r", live.SEGMON, "doctor", "-j", "-i", "r0", "-s", "3"),
                               stdout=subprocess.PIPE)
        self.addCleanup(run.kill)
        self.wait_until_it_captures()
        run.send_signal(signal.SIGSTOP)
        self.send(path, 250)
        run.send_signal(signal.SIGCONT)
        document = json.loads(run.communicate(timeout=60)[0])
        found = self.of_the_interface(document)
        self.assertIn("D-TRAFFIC-DROPPED", found)
        traffic = document["interfaces"][0]["traffic"]
        self.assertEqual(found["D-TRAFFIC-DROPPED"]["evidence"]["dropped"],
                         traffic["kernel_drops"])


class Lengths(Doctor):
    """Frames longer than the MTU."""

    def setUp(self):
        super().setUp()
        for end in "wr":
            ip("-n", f"{NAME}-{end}", "link", "set", f"{end}0", "mtu", 1500)
            self.addCleanup(ip, "-n", f"{NAME}-{end}", "link", "set", f"{end}0", "mtu", 9000)

    def test_of_merged_segments_are_found(self):
        """Which the kernel does as soon as it may."""
        set_offloads("r", "r0", gro="on")
        subprocess.run(inside("r", "sh", "-c",  # So much time to wait for more to merge.
                              "echo 20000000 >/sys/class/net/r0/gro_flush_timeout"), check=True)
        self.addCleanup(set_offloads, "r", "r0", gro="off")
        ends = "10.1.0.1", 30000, "10.2.0.1", 80
        stream = numbered(
            p.tcp_session(*ends[::2], 80, sport=ends[1])[:3] +
            [p.tcp(*ends, p.ACK, 1 + 1000 * i, 1, b"d" * 1000) for i in range(400)])
        gro, merged = self.check(stream, "D-LINK-GRO", "D-TRAFFIC-MERGED")
        self.assertEqual((gro["fix"], merged["fix"]), ("ethtool -K r0 gro off",) * 2)
        self.assertGreater(merged["evidence"]["longest"], 1514)
        subprocess.run(inside("r", *merged["fix"].split()), check=True)
        self.check(stream)

    def test_up_to_it_are_none(self):
        self.check([p.vlan(f, 7) for f in conversations(20, size=1460)], "D-TRAFFIC-VLANS")


class Link(Doctor):
    def examine_link(self, *options):
        return self.of_the_interface(self.examine("-i", "r0", "-s", "1", "--ignore",
                                                  "D-TRAFFIC-NONE", *options))

    def check_link(self, *codes):
        found = self.examine_link()
        self.assertEqual(set(found), set(codes))
        return [found[code] for code in codes]

    def fix(self, finding):
        subprocess.run(inside("r", "sh", "-c", finding["fix"]), check=True, capture_output=True)

    def test_with_offloads_off_has_no_findings(self):
        self.check_link()

    def test_offloads_are_found_and_what_is_said_switches_them_off(self):
        for feature, code in (("gro", "D-LINK-GRO"), ("rxvlan", "D-LINK-RXVLAN")):
            set_offloads("r", "r0", **{feature: "on"})
            (found,) = self.check_link(code)
            self.assertEqual(found["fix"], f"ethtool -K r0 {feature} off")
            self.fix(found)
            self.check_link()

    def test_that_does_not_exist_is_critical(self):
        document = self.examine("-i", "nosuch0", "-s", "1", status=5)
        self.assertEqual(list(self.of_the_interface(document)), ["D-LINK-MISSING"])

    def test_that_is_down_is_found_and_what_is_said_switches_it_on(self):
        ip("-n", f"{NAME}-r", "link", "set", "r0", "down")
        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "set", "r0", "up")
        (found,) = self.check_link("D-LINK-DOWN")
        self.fix(found)
        self.check_link()

    def test_that_is_not_connected_is_found(self):
        ip("-n", f"{NAME}-w", "link", "set", "w0", "down")
        self.addCleanup(ip, "-n", f"{NAME}-w", "link", "set", "w0", "up")
        self.check_link("D-LINK-CARRIER")

    def test_with_an_address_is_found(self):
        for address in ("192.0.2.7", "2001:db8::7"):
            if ":" in address:
                self.set_ipv6(True)
            ip("-n", f"{NAME}-r", "address", "add", f"{address}/64" if ":" in address else
               f"{address}/24", "dev", "r0")
            (found,) = self.check_link("D-LINK-ADDRESS")
            self.assertEqual(found["evidence"]["address"], address)
            self.fix(found)
        self.set_ipv6(False)
        self.check_link()

    def set_ipv6(self, on):
        subprocess.run(inside("r", "sysctl", "-qw", f"net.ipv6.conf.r0.disable_ipv6={int(not on)}"),
                       check=True)

    def test_that_speaks_ipv6_is_told(self):
        self.addCleanup(self.set_ipv6, False)
        self.set_ipv6(True)
        (found,) = self.check_link("D-LINK-LOCAL-ADDRESS")
        self.assertEqual(found["severity"], "info")
        self.fix(found)
        self.check_link()

    def test_tells_whether_it_was_promiscuous_before(self):
        def promiscuous():
            return self.examine("-i", "r0", "-s", "1")["interfaces"][0]["promiscuous"]

        self.assertFalse(promiscuous())
        self.assertFalse(promiscuous())  # Not left behind by the first.
        ip("-n", f"{NAME}-r", "link", "set", "r0", "promisc", "on")
        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "set", "r0", "promisc", "off")
        self.assertTrue(promiscuous())

    def test_names_are_quoted_for_the_shell(self):
        name = "r;id>x'$y"
        ip("-n", f"{NAME}-r", "link", "add", name, "type", "veth", "peer", "name", "other")
        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "del", name)
        document = self.examine("-i", name, "-s", "1", status=5)
        found = self.of_the_interface(document)["D-LINK-DOWN"]
        self.assertEqual(found["subject"], name)
        self.fix(found)
        document = self.examine("-i", name, "-s", "1")
        self.assertNotIn("D-LINK-DOWN", self.of_the_interface(document))


class Machine(Doctor):
    def test_is_examined_without_interfaces_at_once(self):
        document = self.examine()
        self.assertEqual((document["interfaces"], document["capture_ns"]), ([], 0))

    def test_has_the_clock_that_the_kernel_says(self):
        buffer = ctypes.create_string_buffer(512)
        state = ctypes.CDLL(None).adjtimex(buffer)
        unsynchronised = state == 5 or struct.unpack_from("i", buffer, 40)[0] & 0x40
        document = self.examine()
        codes = {finding["code"] for finding in document["findings"]}
        self.assertEqual("D-CLOCK-UNSYNCHRONISED" in codes, bool(unsynchronised))
        self.assertEqual(document["clock"]["synchronised"], not unsynchronised)

    def test_without_room_for_events_is_found(self):
        folder = self.path / "small"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        codes = {f["code"] for f in self.examine("-o", folder / "events", status=5)["findings"]}
        self.assertIn("D-HOST-DISK-FULL", codes)
        self.assertEqual(list(folder.iterdir()), [])

    def test_without_the_folder_for_events_is_found(self):
        document = self.examine("-o", self.path / "no/such/events", status=5)
        found = {f["code"]: f for f in document["findings"]}["D-HOST-OUTPUT"]
        self.assertEqual(found["evidence"]["reason"], "No such file or directory")

    def test_of_few_files_is_found(self):
        run = subprocess.run(["prlimit", "--nofile=64", live.SEGMON, "doctor", "-j"],
                             capture_output=True, timeout=60)
        codes = {f["code"] for f in json.loads(run.stdout)["findings"]}
        self.assertIn("D-HOST-FILES", codes)


class Sensor(Doctor):
    """That runs meanwhile, on the same interface."""

    def setUp(self):
        super().setUp()
        if not redis.SERVER:
            self.skipTest("redis-server is missing")
        self.server = redis.Server(self.folder.name, "--appendonly", "yes", "--maxmemory", "64mb")
        self.addCleanup(self.server.kill)

    def findings_there(self):
        return set(self.of_the_interface(
            self.examine("-r", self.server.uri, "--sensor", "here")))

    def test_is_fine_while_it_runs_and_blind_without_a_link_and_silent_when_it_died(self):
        self.start("--sensor", "here", "--no-dpi", "-r", self.server.uri)
        self.assertEqual(self.findings_there(), set())
        ip("-n", f"{NAME}-r", "link", "set", "r0", "down")
        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "set", "r0", "up")
        self.wait_for("r0: down")
        end = time.monotonic() + live.WAIT
        while self.findings_there() != {"D-SENSOR-BLIND"} and time.monotonic() < end:
            time.sleep(0.5)
        self.assertEqual(self.findings_there(), {"D-SENSOR-BLIND"})
        self.kill()
        while self.findings_there() != {"D-SENSOR-SILENT"} and time.monotonic() < end + live.WAIT:
            time.sleep(1)
        self.assertEqual(self.findings_there(), {"D-SENSOR-SILENT"})


class Usage(Doctor):
    def all_codes(self):
        header = (ROOT / "tools/doctor/diagnosis_codes.h").read_text()
        return [word for word in header.split('"') if word.startswith("D-")]

    def test_findings_that_are_ignored_do_not_count(self):
        codes = self.all_codes()
        self.assertGreater(len(codes), 40)
        document = self.examine("-i", "r0", "-s", "1", "--ignore", ",".join(codes), status=0)
        self.assertEqual((document["findings"], document["worst"]), ([], "ok"))
        self.assertGreater(document["ignored"], 0)

    def test_mistakes_are_told(self):
        for options, text in ((["-s", "0"], "--seconds"), (["--ignore", "D-NONE"], "--ignore"),
                              (["-i", "r0,r0"], "--interface"), (["r0"], "too much"),
                              (["--snaplen", "1"], "--snaplen"), (["--what"], "--help")):
            run = subprocess.run([live.SEGMON, "doctor", *options], capture_output=True)
            self.assertEqual((run.returncode, run.stdout), (2, b""))
            self.assertIn(text, run.stderr.decode())

    def test_without_the_privilege_says_what_was_not_examined(self):
        run = subprocess.run(
            inside("r", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534",
                   "--clear-groups", live.SEGMON, "doctor", "-j", "-i", "r0", "-s", "1"),
            capture_output=True)
        document = json.loads(run.stdout)
        jsonschema.validate(document, SCHEMA)
        self.assertEqual((run.returncode, document["complete"]), (1, False))
        self.assertEqual([(one["area"], one["subject"]) for one in document["unexamined"]],
                         [("traffic", "r0")])
        self.assertIn("gro", document["interfaces"][0]["features"])

    def test_a_signal_ends_it_early(self):
        run = subprocess.Popen(inside("r", live.SEGMON, "doctor", "-j", "-i", "r0", "-s", "60"),
                               stdout=subprocess.PIPE)
        self.addCleanup(run.kill)
        processes.wait_until_it_catches(run.pid, signal.SIGTERM)
        run.terminate()
        document = json.loads(run.communicate(timeout=20)[0])
        self.assertEqual((run.returncode, document["status"]), (143, 143))

    def text(self, environment):
        """What a terminal gets."""
        main, other = pty.openpty()
        subprocess.run(inside("r", live.SEGMON, "doctor", "-i", "nosuch0"), stdout=other,
                       env={**os.environ, **environment})
        os.close(other)
        text = b""
        with contextlib.suppress(OSError):
            while data := os.read(main, 4096):
                text += data
        os.close(main)
        return text

    def test_colours_are_for_terminals_that_want_them(self):
        self.assertIn(b"\x1b[31mcritical", self.text({"NO_COLOR": ""}))
        plain = self.text({"NO_COLOR": "1"})
        self.assertNotIn(b"\x1b", plain)
        self.assertIn(b"[D-LINK-MISSING]\r\n    why: ", plain)
        run = subprocess.run([live.SEGMON, "doctor"], capture_output=True)
        self.assertNotIn(b"\x1b", run.stdout)

    def test_names_cannot_disturb_a_terminal(self):
        run = subprocess.run([live.SEGMON, "doctor", "-i", "a\x1b[31mb"], capture_output=True)
        self.assertNotIn(b"\x1b", run.stdout)
        self.assertIn(b"D-LINK-MISSING", run.stdout)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if not reason and not shutil.which("ethtool"):
        reason = "'ethtool' is missing"
    if reason:
        print(f"test_doctor.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
