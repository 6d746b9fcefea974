#!/usr/bin/env python3
"""test_flows.py SEGMON GENERATE [unittest options]: the flows that segmon finds
in the benchmark's captures are exactly those that were put in: same ends, same
packets and bytes each way, none more, none less."""
import csv
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from suite import policies  # noqa: E402

SEGMON = GENERATE = None
SEED = "7"
# Applications by the topic of a conversation whose handshake was seen.
APPLICATIONS = {
    "DNS": "DNS", "DNS_TCP": "DNS", "NTP": "NTP", "SNMP": "SNMP", "SYSLOG": "Syslog",
    "QUIC": "QUIC", "HTTP": "HTTP", "HTTP_DOWNLOAD": "HTTP", "HTTPS": "TLS",
    "SHOP": "TLS", "TLS_1_0": "TLS", "PAYMENT": "TLS", "GATEWAY": "TLS",
    "INTRANET": "TLS", "SMB": "SMBv23", "SMB1": "SMBv1", "SSH": "SSH",
    "POSTGRESQL": "PostgreSQL", "REDIS": "Redis", "FTP": "FTP_CONTROL",
    "TELNET": "Telnet", "TRANSFER": "", "MODBUS": "Modbus"}


def true_flows(path):
    """As (protocol, ends, packets, bytes, packets back, bytes back); the ends of
    a flow whose opening was missed may come in any order."""
    with open(path, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            flow = (row["protocol"], row["source"], row["source_port"],
                    row["destination"], row["destination_port"])
            there = int(row["packets"]), int(row["bytes"])
            back = int(row["packets_back"]), int(row["bytes_back"])
            yield (*flow, *there, *back), row


def found_flows(path):
    with open(path) as file:
        for line in file:
            event = json.loads(line)
            if event["event"]["dataset"] != "segmon.flow" or "end" not in event["event"]["type"]:
                continue
            source, destination = event["source"], event["destination"]
            yield (event["network"]["iana_number"],
                   source["ip"], str(source["port"]),
                   destination["ip"], str(destination["port"]),
                   source["packets"], source["bytes"],
                   destination["packets"], destination["bytes"]), event


def turned(flow):
    protocol, source, port, destination, to_port, packets, size, back, size_back = flow
    return (protocol, destination, to_port, source, port, back, size_back, packets, size)


class Flows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def generate(self, mix, scale, seed=SEED):
        capture, truth = self.folder / "capture.pcap", self.folder / "truth.tsv"
        subprocess.run([GENERATE, mix, seed, scale, capture, truth], check=True,
                       stdout=subprocess.DEVNULL)
        return capture, truth

    def replay(self, capture, *options, policy=policies.ENTERPRISE):
        events = self.folder / "events.ndjson"
        subprocess.run([SEGMON, "replay", "-q", "-p", policy, "-o", events, *options, capture],
                       check=True)
        return events

    def compare(self, mix, scale, *options):
        capture, truth = self.generate(mix, scale)
        found = collections.Counter(
            flow for flow, _ in found_flows(self.replay(capture, *options)))
        n = 0
        for flow, row in true_flows(truth):
            if row["opening"] == "missed" and flow not in found:
                flow = turned(flow)
            self.assertEqual(found[flow], 1, f"{row['topic']} {flow}")
            n += 1
        self.assertEqual(n, sum(found.values()), "segmon has flows that are not there")
        return n

    def test_an_office_day(self):
        self.assertEqual(self.compare("mix", "0.01"), 1000)

    def test_an_office_day_with_two_workers(self):
        self.assertEqual(self.compare("mix", "0.01", "--workers", "2"), 1000)

    def test_an_office_day_without_dpi(self):
        self.assertEqual(self.compare("mix", "0.01", "--no-dpi"), 1000)

    def test_very_many_short_flows(self):
        self.assertEqual(self.compare("flows", "0.01"), 10000)

    def test_few_long_flows(self):
        self.assertEqual(self.compare("elephant", "0.01"), 24)

    def test_flows_that_stay(self):
        self.assertEqual(self.compare("idle", "0.005"), 5000)

    def test_a_thousand_rules_more_change_no_verdict(self):
        capture, _ = self.generate("mix", "0.01")
        few = self.verdicts(self.replay(capture))
        many = self.verdicts(self.replay(capture,
                                         policy=policies.with_rules(1000, self.folder)))
        self.assertGreater(len(few), 1000)
        self.assertEqual(few, many)

    @staticmethod
    def verdicts(path):
        """Of all events, what was decided and by which rule; not which rules nearly
        did."""
        events = map(json.loads, path.read_text().splitlines())
        return [(event["event"]["dataset"], event.get("source"), event.get("rule", {}).get("id"),
                 event["segmon"].get("verdict"), event["segmon"].get("reason"))
                for event in events]

    def test_what_is_said_is_recognised(self):
        capture, truth = self.generate("mix", "0.03")
        topics = {flow: row["topic"] for flow, row in true_flows(truth)
                  if row["opening"] != "missed" and int(row["packets_back"]) > 1}
        seen = set()
        for flow, event in found_flows(self.replay(capture)):
            if flow in topics:
                seen.add(topics[flow])
                self.assertEqual(event["segmon"]["app"].get("name", "").split(".")[-1],
                                 APPLICATIONS[topics[flow]], f"{topics[flow]} {flow}")
        self.assertGreaterEqual(len(seen), 14, "hardly anything was compared")

    def test_the_seed_decides_every_byte(self):
        first = [path.read_bytes() for path in self.generate("mix", "0.005")]
        again = [path.read_bytes() for path in self.generate("mix", "0.005")]
        other = [path.read_bytes() for path in self.generate("mix", "0.005", "8")]
        self.assertEqual(first, again)
        self.assertNotEqual(first[0], other[0])


if __name__ == "__main__":
    SEGMON, GENERATE = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
