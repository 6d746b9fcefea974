#!/usr/bin/env python3
"""Detectors through the whole program: test_detect.py SEGMON [unittest options]."""
import collections
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402

SEGMON = None
SAMPLE = ROOT / "tests/lab/sample/segments.pcap"
CAPTURES = ROOT.parent / "shared/captures"

POLICY = """\
version: 1
policy: {name: detect, revision: "1"}
defaults: {inter: allow, unknown: allow, multicast: allow}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
  guest: {networks: [10.3.0.0/16], vlans: [300-309]}
authorities: {dns: [10.2.0.53], dhcp: [10.2.0.67]}
"""
SSH = (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n")
START = 1_700_000_000.0
HOUR = 3600


def refused(client, server, port, sport):
    return [p.tcp(client, sport, server, port, p.SYN),
            p.tcp(server, port, client, sport, p.RST | p.ACK, 0, 1)]


def dns(name, answer=None):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = labels + b"\0\0\1\0\1"
    if not answer:
        return struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + question
    return (struct.pack(">6H", 7, 0x8180, 1, 1, 0, 0) + question +
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes(int(x) for x in answer.split(".")))


def dhcp(op, kind, address="0.0.0.0"):
    """RFC 2131, figure 1, with the message type as the only option."""
    return (struct.pack(">BBBBIHH", op, 1, 6, 0, 0x1234, 0, 0x8000) + bytes(4) +
            bytes(int(x) for x in address.split(".")) + bytes(8) +
            b"\x02\0\0\0\0\x09" + bytes(10) + bytes(192) +
            b"\x63\x82\x53\x63" + bytes([53, 1, kind, 255]) + bytes(44))


class Detect(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def replay(self, detect, captures, policy=POLICY, workers=1):
        """The violations of detectors, as events."""
        file = self.path / "policy.yaml"
        file.write_text(policy + detect)
        run = subprocess.run(
            [SEGMON, "replay", "--quiet", "--workers", str(workers), "--policy", file,
             "--events", "violation", "--output", "-", *captures],
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        return [e for e in events if e["rule"]["id"].startswith("detect:")]

    def see(self, detect, packets, **more):
        capture = self.path / "a.pcap"
        capture.write_bytes(p.pcap(packets))
        return self.replay(detect, [capture], **more)

    def found(self, *args, **more):
        """Of each new violation: detector, source and destination."""
        return sorted((e["rule"]["id"].removeprefix("detect:"), e["source"]["ip"],
                       e.get("destination", {}).get("ip"))
                      for e in self.see(*args, **more)
                      if e["segmon"]["violation"]["kind"] in ("new", "collapsed"))


class Built(Detect):
    def test_nothing_is_looked_for_unless_the_policy_says_so(self):
        packets = [f for i in range(40) for f in refused("10.1.0.9", f"10.2.0.{i}", 22, 40000 + i)]
        self.assertEqual(self.found("", packets), [])

    def test_a_sweep_says_what_it_counted(self):
        packets = [f for i in range(1, 31)
                   for f in refused("10.1.0.9", f"10.2.0.{i}", 22, 40000 + i)]
        events = {workers: self.see("detect: {scan: true}", packets, workers=workers)
                  for workers in (1, 2)}
        self.assertEqual(events[1], events[2])
        event, = events[1]
        self.assertEqual(event["source"]["ip"], "10.1.0.9")
        self.assertEqual(event["destination"]["port"], 22)
        self.assertNotIn("ip", event["destination"])
        self.assertEqual(event["rule"]["id"], "detect:scan")
        self.assertIn("T1046", event["threat"]["technique"]["id"])
        detector = event["segmon"]["detector"]
        self.assertEqual((detector["name"], detector["counted"], detector["count"],
                          detector["limit"]), ("scan", "hosts", 25, 25))
        self.assertIn("(25 addresses) tcp/22: found by detect:scan (refused), 25 hosts of 25",
                      event["message"])
        self.assertEqual(event["segmon"]["violation"]["targets"], 25)

    def test_a_slow_sweep_is_none_and_a_known_scanner_may(self):
        slow = [(START + 60 * i, f) for i in range(1, 60)
                for f in refused("10.1.0.9", f"10.2.0.{i}", 22, 40000 + i)]
        fast = [f for i in range(1, 60) for f in refused("10.1.0.9", f"10.2.0.{i}", 22, 40000 + i)]
        self.assertEqual(self.found("detect: {scan: true}", slow), [])
        self.assertEqual(self.found("detect: {scan: {except: 10.1.0.9}}", fast), [])
        self.assertEqual(len(self.found("detect: {scan: {window: 2h}}", slow)), 1)

    def test_one_busy_pair_does_not_hold_up_the_other_workers(self):
        packets = [f for port in range(1, 4001)
                   for f in refused("10.1.0.9", "10.2.0.1", port, 40000)]
        events = [self.see("detect: {scan: true}", packets, workers=workers)
                  for workers in (1, 2, 4)]
        self.assertEqual(events[0][0]["segmon"]["detector"]["counted"], "ports")
        self.assertEqual(events[0], events[1])
        self.assertEqual(events[0], events[2])

    def test_a_rogue_dhcp_server_offers_addresses(self):
        packets = [p.udp("0.0.0.0", 68, "255.255.255.255", 67, dhcp(1, 1)),
                   p.udp("10.2.0.67", 67, "255.255.255.255", 68, dhcp(2, 2, "10.1.0.50")),
                   p.udp("10.1.0.66", 67, "255.255.255.255", 68, dhcp(2, 2, "10.1.0.51"))]
        found = self.found("detect: {rogue_server: true}", packets)
        self.assertEqual(len(found), 1)
        self.assertIn("10.1.0.66", found[0])

    def test_a_rogue_name_server_answers(self):
        def ask(client, server, answered=True):
            packets = [p.udp(client, 5000, server, 53, dns("www.example.com"))]
            if answered:
                packets.append(p.udp(server, 53, client, 5000, dns("www.example.com", "192.0.2.1")))
            return packets

        packets = (ask("10.1.0.1", "10.2.0.53") + ask("10.1.0.2", "198.51.100.53") +
                   ask("10.2.0.53", "198.51.100.54") + ask("10.1.0.3", "198.51.100.55", False))
        self.assertEqual(self.found("detect: {rogue_server: true}", packets),
                         [("rogue_server", "10.1.0.2", "198.51.100.53")])

    def test_an_address_on_the_wrong_vlan(self):
        def visit(client, tag, port):
            return [p.vlan(f, tag) for f in p.tcp_session(client, "198.51.100.1", 443, port)]

        packets = (visit("10.3.0.5", 300, 40000) + visit("10.3.0.6", 20, 40001) +
                   visit("10.1.0.5", 20, 40002))
        self.assertEqual(self.found("detect: {conformance: true}", packets),
                         [("conformance", "10.3.0.6", "198.51.100.1")])

    def test_ssh_where_it_does_not_belong(self):
        packets = [f for i, port in enumerate((22, 443, 2222))
                   for f in p.tcp_session("10.1.0.1", f"10.2.0.{i}", port, 40000 + i, *SSH)]
        self.assertEqual(self.found("detect: {service_mismatch: true}", packets),
                         [("service_mismatch", "10.1.0.1", "10.2.0.1"),
                          ("service_mismatch", "10.1.0.1", "10.2.0.2")])
        expected = POLICY + ("rules: [{id: git, from: users, to: servers, service: tcp/2222,"
                             " app: SSH, action: allow}]\n")
        self.assertEqual(self.found("detect: {service_mismatch: true}", packets, policy=expected),
                         [("service_mismatch", "10.1.0.1", "10.2.0.1")])

    def test_a_tunnel_by_protocol_and_by_what_names_carry(self):
        inner = p.ipv4("10.9.0.1", "10.9.0.2", 17, struct.pack(">HHHH", 5, 6, 8, 0))
        gre = p.ethernet(p.ipv4("10.1.0.1", "198.51.100.1", 47, b"\0\0\x08\0" + inner))
        chatter = [p.udp("10.1.0.2", 5000, "198.51.100.53", 53,
                         dns("a" * 60 + "." + "b" * 60 + ".t.example")) for _ in range(80)]
        found = self.found("detect: {tunnel: {bytes: 10kB}}", [gre] + chatter)
        self.assertIn(("tunnel", "10.1.0.2", "198.51.100.53"), found)
        self.assertEqual(len(found), 2)
        self.assertEqual(len(self.found("detect: {tunnel: true}", [gre] + chatter)), 1)

    def test_much_sent_outside_and_little_back(self):
        def send(client, server, n, port):
            c, s = (client, port, server, 443), (server, 443, client, port)
            return ([p.tcp(*c, p.SYN), p.tcp(*s, p.SYN | p.ACK, 0, 1), p.tcp(*c, p.ACK, 1, 1)] +
                    [p.tcp(*c, p.ACK, 1 + 1000 * i, 1, b"\xaa" * 1000) for i in range(n)])

        packets = (send("10.1.0.1", "198.51.100.1", 20, 40000) +
                   send("10.1.0.1", "203.0.113.1", 20, 40001) +
                   send("10.1.0.2", "198.51.100.1", 20, 40002) +
                   send("10.1.0.3", "10.2.0.1", 90, 40003))
        event, = self.see("detect: {exfiltration: {bytes_1h: 40kB}}", packets)
        self.assertEqual(event["source"]["ip"], "10.1.0.1")
        self.assertGreaterEqual(event["segmon"]["detector"]["count"], 40000)
        self.assertEqual(event["observer"]["egress"]["zone"], "internet")

    def test_who_is_new_after_the_warm_up(self):
        def talk(at, client, server, port, sport):
            return [(START + at, f) for f in p.tcp_session(client, server, port, sport)]

        packets = (talk(0, "10.1.0.1", "10.2.0.1", 443, 40000) +
                   talk(2 * HOUR, "10.1.0.1", "10.2.0.2", 443, 40001) +
                   talk(2 * HOUR, "10.1.0.1", "10.2.0.2", 22, 40002) +
                   talk(2 * HOUR, "10.1.0.2", "10.2.0.2", 443, 40003))
        events = self.see("detect: {new_talker: {warmup: 1h}}", packets)
        self.assertEqual([(e["source"]["ip"], e["destination"]["port"]) for e in events],
                         [("10.1.0.1", 22), ("10.1.0.2", 443)])
        self.assertEqual(self.see("detect: {new_talker: true}", packets), [])

    def test_a_segment_falls_silent(self):
        packets = [(START + at, f) for at in (0, 13 * HOUR, 26 * HOUR)
                   for f in p.tcp_session("10.1.0.1", "198.51.100.1", 443, 40000 + at // HOUR)]
        packets += [(START + 27 * HOUR, f)
                    for f in p.tcp_session("10.1.0.1", "198.51.100.1", 443, 41000)]
        events = self.see("detect: {conformance: true}", packets)
        self.assertEqual({e["observer"]["ingress"]["zone"] for e in events}, {"servers", "guest"})
        self.assertEqual({e["segmon"]["detector"]["counted"] for e in events}, {"seconds"})
        for event in events:
            self.assertIn("any service: found by detect:conformance", event["message"])
            self.assertNotIn("transport", event["network"])
            self.assertNotIn("targets", event["segmon"]["violation"])

    def test_no_segment_was_silent_before_the_first_packet(self):
        lldp = [(START, b"\x01\x80\xc2\0\0\x0e" + bytes(6) + b"\x88\xcc" + bytes(50))] * 300
        packet = [(START + 1, p.udp("10.1.0.1", 40000, "198.51.100.1", 443, b"x"))]
        self.assertEqual(self.see("detect: {conformance: true}", lldp + packet), [])

    def test_what_is_suppressed_is_not_told_and_severity_is_the_policys(self):
        packets = [f for i in range(1, 31)
                   for f in refused("10.1.0.9", f"10.2.0.{i}", 22, 40000 + i)]
        suppress = ("\nalerting: {suppress: [{id: s, rule: 'detect:scan', src: 10.1.0.9,"
                    " until: 2030-01-01, owner: me, reason: audit}]}\n")
        self.assertEqual(self.see("detect: {scan: true}" + suppress, packets), [])
        terms = [e["segmon"]["violation"]["score_terms"]["base"]
                 for e in self.see("detect: {scan: {severity: info}}", packets)]
        self.assertEqual(terms, [10])


class Recorded(Detect):
    """The lab's recording: real clients and servers."""

    def test_the_story_of_the_lab(self):
        policy = (ROOT / "rules/examples/enterprise-pci-ot.yaml").read_text()
        for workers in (1, 2):
            events = self.replay("", [SAMPLE], policy=policy, workers=workers)
            found = {(e["rule"]["id"], e["source"]["ip"], e.get("destination", {}).get("ip"))
                     for e in events}
            self.assertEqual(found, STORY)


# What rules/examples/enterprise-pci-ot.yaml finds in the lab: see story.tsv there.
STORY = {
    ("detect:scan", "10.20.1.66", "10.60.0.10"),
    ("detect:rogue_server", "10.20.1.12", "198.51.100.10"),
    ("detect:rogue_server", "2001:db8:20::11", "2001:db8:40::2"),
    ("detect:cleartext", "10.20.1.11", "10.40.2.30"),
    ("detect:cleartext", "10.20.1.12", "10.40.2.30"),
    ("detect:weak_crypto", "203.0.113.66", "10.10.0.5"),
    ("detect:weak_crypto", "10.20.1.12", "10.40.2.20"),
    ("detect:service_mismatch", "10.81.0.10", "10.82.1.30"),
}

EVERYTHING = """\
version: 1
policy: {name: everything, revision: "1"}
defaults: {inter: allow, intra: allow, unknown: allow, multicast: allow}
segments:
  lan: {networks: [10.0.0.0/8, 192.168.0.0/16, 172.16.0.0/12, "fc00::/7"]}
authorities: {dns: [192.168.2.1], dhcp: [192.168.2.1]}
detect: {scan: true, rogue_server: true, service_mismatch: true, cleartext: true,
         weak_crypto: true, tunnel: true, exfiltration: true,
         conformance: {silent: 0}}
"""


@unittest.skipUnless(CAPTURES.is_dir(), "skipped: no captures")
class Captures(Detect):
    """Real captures: what is there is found, and nothing else."""

    def test_each_capture_shows_what_it_is_known_for(self):
        for capture, expected in KNOWN.items():
            with self.subTest(capture=capture):
                events = self.replay("", [CAPTURES / capture], policy=EVERYTHING)
                found = collections.Counter(e["rule"]["id"].removeprefix("detect:")
                                            for e in events
                                            if e["segmon"]["violation"]["kind"] == "new" or
                                            e["segmon"]["violation"]["kind"] == "collapsed")
                self.assertEqual(dict(found), expected)


# What they are known for, and what is no more than ordinary: file transfers, web,
# controllers, mail, time and names asked of the authority.
KNOWN = {
    "ndpi-4.2/synscan.pcap": {"scan": 1},
    "ndpi-4.2/openvpn.pcap": {"service_mismatch": 1, "tunnel": 3},
    "ndpi-4.2/443-opvn.pcap": {"tunnel": 1},
    "ndpi-4.2/wireguard.pcap": {"tunnel": 1},
    "ndpi-4.2/dns_doh.pcap": {"tunnel": 1},
    "ndpi-4.2/dns_dot.pcap": {"tunnel": 1},
    "ndpi-4.2/simple-dnscrypt.pcap": {"tunnel": 1},
    "ndpi-4.2/teredo.pcap": {"tunnel": 5},
    "ndpi-4.2/4in6tunnel.pcap": {"tunnel": 1},
    "arkime/socks5-rdp.pcap": {"tunnel": 1},
    "arkime/socks-https-example.pcap": {"tunnel": 1, "weak_crypto": 1},
    "arkime/gre-erspan-vxlan.pcap": {},
    "ndpi-4.2/ftp.pcap": {"cleartext": 1},
    "ndpi-4.2/pop3.pcap": {"cleartext": 1},
    "ndpi-4.2/imap.pcap": {"cleartext": 1},
    "ndpi-4.2/http_auth.pcap": {"cleartext": 1},
    "ndpi-4.2/ftp-start-tls.pcap": {"weak_crypto": 1},
    "ndpi-4.2/smtp-starttls.pcap": {"weak_crypto": 1},
    "ndpi-4.2/ssh.pcap": {"weak_crypto": 1},
    "ndpi-4.2/smbv1.pcap": {"weak_crypto": 1},
    "ndpi-4.2/tk.pcap": {"rogue_server": 1},
    "PcapPlusPlus/Packet++Test__PacketExamples__Dhcp3.pcap": {},
    "libpcap/filter__dhcp-rfc3004.pcap": {"rogue_server": 1},
    "ndpi-4.2/ftp_failed.pcap": {},
    "ndpi-4.2/imaps.pcap": {},
    "ndpi-4.2/smtp.pcap": {},
    "ndpi-4.2/smb_deletefile.pcap": {},
    "ndpi-4.2/443-chrome.pcap": {},
    "ndpi-4.2/443-git.pcap": {},
    "ndpi-4.2/android.pcap": {},
    "ndpi-4.2/iphone.pcap": {},
    "ndpi-4.2/http_ipv6.pcap": {},
    "ndpi-4.2/quic-29.pcap": {},
    "ndpi-4.2/modbus.pcap": {},
    "ndpi-4.2/IEC104.pcap": {},
    "ndpi-4.2/ethernetIP.pcap": {},
    "ndpi-4.2/rdp.pcap": {},
    "ndpi-4.2/mysql-8.pcap": {},
    "ndpi-4.2/NTPv4.pcap": {},
    "ndpi-4.2/mqtt.pcap": {},
    "ndpi-4.2/cassandra.pcap": {},
    "ndpi-4.2/dcerpc.pcap": {},
    "ndpi-4.2/rtsp.pcap": {},
}

if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
