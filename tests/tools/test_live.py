#!/usr/bin/env python3
"""segmon run on real interfaces (see live.py): test_live.py SEGMON SEND_FRAMES.

Needs root and says so: status 77."""
import collections
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

import live
from live import (NAME, ROOT, WAIT, Live, add_link, backlog_drops, conversations, inside, ip, p)
from live import add_networks as setUpModule, remove_networks as tearDownModule  # noqa: F401

SAMPLE = ROOT / "tests/lab/sample/segments.pcap"
SCHEMA = ROOT / "tools/event/schema/segmon-event-1.0.json"
SLOW = 5 if os.environ.get("SEGMON_BUILD") in ("Asan", "Tsan") else 1
TRIES = 20  # Of what a busy machine may spoil.

POLICY = """\
version: 1
policy: {name: test, revision: "%s"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: web, from: users, to: servers, service: any, action: %s}
"""


def flow_key(event):
    """What of a flow does not depend on when it came by."""
    source, destination, segmon = event["source"], event["destination"], event["segmon"]
    return (source["ip"], source.get("port"), destination["ip"], destination.get("port"),
            source["packets"], source["bytes"], destination["packets"], destination["bytes"],
            event["network"]["transport"], str(event["network"].get("vlan")),
            segmon["app"].get("name"), segmon["initiator_evidence"], segmon["outcome"],
            segmon.get("history"), event["rule"]["id"])


def flows_of(events):
    return collections.Counter(
        flow_key(event) for event in events if event["event"]["dataset"] == "segmon.flow")


def statuses_of(events, cause):
    return [event["segmon"]["status"] for event in events
            if event["event"]["dataset"] == "segmon.status"
            and event["segmon"]["status"]["cause"] == cause]


class Conservation(Live):
    def begin(self, workers, buffer="1M"):
        self.path_ = self.capture(conversations(500))
        self.start("-w", str(workers), "--buffer", buffer, "--no-dpi", "-e", "status")

    def send_to_stopped(self, rounds):
        """While the program cannot read."""
        self.run_.send_signal(signal.SIGSTOP)  # 'ip netns exec' has become the program.
        return self.send(self.path_, rounds)

    def check(self, sent):
        """What is sent is received, or counted; what became of it."""
        status = statuses_of(self.stop(), "end")[0]
        capture, interface = status["capture"], status["interfaces"][0]
        received, dropped, unread = (sum(worker[what] for worker in interface["workers"])
                                     for what in ("received", "kernel_drops", "unread"))
        self.assertEqual((received, dropped), (capture["frames"], capture["kernel_drops"]))
        self.assertEqual(interface["discarded"], self.discarded())
        self.assertEqual(sent, received + dropped + unread + interface["discarded"])
        self.assertEqual(sum(status["dissected"].values()), received)
        self.assertEqual(status["dissected"]["ok"], status["flows"]["packets"])
        return received, dropped, unread

    def test_every_frame_is_received(self):
        for workers in (1, 2, 3):
            with self.subTest(workers=workers):
                self.begin(workers, "64M")  # All fit, however busy the machine is.
                sent = self.send(self.path_, 10, 50000)
                self.settle()
                _, dropped, unread = self.check(sent)
                self.assertEqual((dropped, unread), (0, 0))

    def test_or_counted_as_lost(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.begin(workers)
                sent = self.send_to_stopped(10)
                self.run_.send_signal(signal.SIGCONT)
                self.settle()
                sent += self.send(self.path_, 2, 50000)
                self.settle()
                received, dropped, unread = self.check(sent)
                self.assertGreater(dropped, 10000)
                self.assertGreater(received, 1000)
                self.assertEqual(unread, 0)

    def test_or_as_unread(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.begin(workers)
                sent = self.send_to_stopped(10)
                ended = threading.Timer(0.2, self.run_.send_signal, (signal.SIGCONT,))
                ended.start()  # Once it has been asked to end.
                self.check(sent)
                ended.join()

    def test_also_by_an_interface_that_is_lost(self):
        self.begin(1)
        sent = self.send_to_stopped(1)
        self.discarded_before -= backlog_drops()
        ip("-n", f"{NAME}-r", "link", "del", "r0")
        add_link()
        time.sleep(1.1)  # The first that it does is to look at the interface.
        self.run_.send_signal(signal.SIGCONT)
        self.wait_for("r0: capturing", 2)
        before = backlog_drops()
        more = self.send(self.path_, 2, 50000)
        self.settle(more - (backlog_drops() - before))
        sent += more
        _, _, unread = self.check(sent)
        self.assertGreater(unread, 0)


class Flows(Live):
    def compare(self, path, workers, **where):
        wanted = self.replay(path)
        events = self.of_all_frames(path, workers, where)
        found = flows_of(events)
        self.assertEqual(flows_of(wanted) - found, collections.Counter())
        self.assertEqual(found - flows_of(wanted), collections.Counter())
        status, other = (statuses_of(e, "end")[0] for e in (events, wanted))
        for what in ("packets", "related", "fragments_joined", "fragments_orphaned"):
            self.assertEqual(status["flows"][what], other["flows"][what], what)
        return status

    def of_all_frames(self, path, workers, where):
        """Events of a run in which a busy machine had no frame fall out."""
        for _ in range(TRIES):
            self.start("-w", str(workers), **where)
            sent = self.send(path, pace=20000)
            self.settle()
            events = self.stop()
            if statuses_of(events, "end")[0]["capture"]["frames"] == sent:
                return events
        self.fail("always less than was sent")

    def test_of_the_sample_are_those_of_a_replay(self):
        """Whose frames come as quickly as they do on the wire of the test."""
        data = SAMPLE.read_bytes()
        frames, at = [], 24
        while at < len(data):
            size = struct.unpack_from("<I", data, at + 8)[0]
            frames.append(data[at + 16:at + 16 + size])
            at += 16 + size
        path = self.path / "quick.pcap"
        path.write_bytes(p.pcap([f for f in frames if len(f) <= 9000], step=0.00005))
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.compare(path, workers)

    def pieces(self):
        """What belongs together for more reasons than its ports."""
        frames = []
        for i in range(120):
            client, server = f"10.1.0.{i + 1}", f"10.2.0.{i + 1}"
            frames += p.tcp_session(client, server, 80, request=b"x" * 50)
            frames += [p.vlan(f, 7) for f in p.tcp_session(client, server, 81)]
            frames += [p.vlan(p.vlan(f, 8), 9) for f in p.tcp_session(client, server, 82)]
            data = struct.pack(">HHHH", 5000, 53, 1608, 0) + b"y" * 1600
            for offset in (0, 800):
                part = data[offset:offset + 800] if offset == 0 else data[offset:]
                whole = bytearray(p.ethernet(p.ipv4(client, server, 17, part, ident=i + 1)))
                more = 0x2000 if offset == 0 else 0
                whole[20:22] = struct.pack(">H", more | offset // 8)
                frames.append(bytes(whole))
            asked = p.udp(client, 6000, server, 161, b"?")
            frames.append(asked)
            frames.append(p.icmp(f"10.3.0.{i + 1}", client, 3, 3, b"\0" * 4 + asked[14:42]))
        return frames

    def ipv6(self):
        frames = []
        for i in range(120):
            ends = [bytes.fromhex("20010db8") + bytes(10) + struct.pack(">H", i + 1),
                    bytes.fromhex("20010db8") + bytes(10) + struct.pack(">H", 1000 + i)]
            udp = struct.pack(">HHHH", 7000, 7001, 9, 0) + b"z"
            back = struct.pack(">HHHH", 7001, 7000, 9, 0) + b"z"
            for (src, dst), data in (((ends[0], ends[1]), udp), ((ends[1], ends[0]), back)):
                header = struct.pack(">IHBB", 6 << 28, len(data), 17, 64)
                frames.append(bytes(12) + b"\x86\xdd" + header + src + dst + data)
        return frames

    def test_are_not_torn_between_workers(self):
        path = self.capture(self.pieces() + self.ipv6())
        for workers in (2, 3):
            with self.subTest(workers=workers):
                status = self.compare(path, workers)
                self.assertEqual(status["flows"]["related"], 120)
                self.assertEqual(status["flows"]["fragments_joined"], 120)
                shares = [w["received"] for w in status["interfaces"][0]["workers"]]
                self.assertGreater(min(shares), sum(shares) // 10, shares)

    def test_are_not_torn_where_they_go_out(self):
        status = self.compare(self.capture(self.pieces() + self.ipv6()), 2, end="w",
                              interface="w0")
        shares = [w["received"] for w in status["interfaces"][0]["workers"]]
        self.assertGreater(min(shares), sum(shares) // 10, shares)

    def test_are_whole_where_each_direction_has_an_interface(self):
        add_link(1)
        frames = [f for i in range(50) for f in
                  p.tcp_session(f"10.1.0.{i + 1}", "10.2.0.1", 80, sport=30000 + i)]
        there = [f for f in frames if f[26:28] == b"\x0a\x01"]
        back = [f for f in frames if f[26:28] == b"\x0a\x02"]
        paths = [self.capture(there, "there.pcap"), self.capture(back, "back.pcap")]
        self.start("-w", "3", interface="r0,r1")
        self.send(paths[0])
        self.settle()
        self.send(paths[1], link="w1")
        self.settle()
        events = self.stop()
        self.assertEqual(statuses_of(events, "end")[0]["flows"]["created"], 50)
        interfaces = statuses_of(events, "end")[0]["interfaces"]
        self.assertEqual([sum(w["received"] for w in i["workers"]) for i in interfaces],
                         [len(there), len(back)])

    def test_end_when_nothing_comes_any_more(self):
        self.start("-w", "2", "--set", "flows.timeouts.tcp_closing=1s")
        self.send(self.capture(p.tcp_session("10.1.0.1", "10.2.0.1", 80)))
        self.wait_for_events(lambda events: flows_of(events), 30)
        events = self.stop()
        self.assertEqual([e["event"]["reason"] for e in events
                          if e["event"]["dataset"] == "segmon.flow"], ["fin"])

    def test_end_with_the_program(self):
        self.start()
        self.send(self.capture(p.tcp_session("10.1.0.1", "10.2.0.1", 80)[:3]))
        self.settle()
        events = self.stop()
        self.assertEqual([e["event"]["reason"] for e in events
                          if e["event"]["dataset"] == "segmon.flow"], ["shutdown"])


class Options(Live):
    def test_a_filter_looks_behind_tags(self):
        frames = []
        for i in range(20):
            frames.append(p.udp("10.1.0.1", 5000 + i, "10.2.0.1", 53, b"q"))
            frames.append(p.vlan(p.udp("10.1.0.1", 6000 + i, "10.2.0.1", 53, b"q"), 5))
            frames.append(p.udp("10.1.0.1", 7000 + i, "10.2.0.1", 54, b"q"))
            frames.append(p.vlan(p.udp("10.1.0.1", 8000 + i, "10.2.0.1", 54, b"q"), 5))
        for workers in (1, 2):
            for expression, wanted in (("udp port 53", 40), ("vlan 5 and port 53", 20),
                                       ("vlan", 40), ("not port 53", 40)):
                with self.subTest(expression, workers=workers):
                    self.start("-f", expression, "-w", str(workers))
                    self.send(self.capture(frames))
                    self.settle(wanted)
                    capture = statuses_of(self.stop(), "end")[0]["capture"]
                    self.assertEqual(capture["frames"], wanted)

    def test_frames_are_cut_to_the_snapshot_length(self):
        session = p.tcp_session("10.1.0.1", "10.2.0.1", 80, request=b"x" * 1000)
        self.start("--snaplen", "96")
        self.send(self.capture(session))
        self.settle()
        events = self.stop()
        flow = [e for e in events if e["event"]["dataset"] == "segmon.flow"][0]
        self.assertEqual(flow["segmon"]["payload_bytes"]["src"], 1000)
        self.assertEqual(statuses_of(events, "end")[0]["capture"]["bytes"],
                         sum(map(len, session)))

    def test_it_ends_by_count_and_by_time(self):
        self.start("--count", "100")
        self.send(self.capture(conversations(50)))
        self.assertEqual(self.run_.wait(WAIT), 0)
        self.start("--duration", "1")
        self.assertEqual(self.run_.wait(WAIT), 0)

    def test_status_comes_by_the_clock(self):
        self.start("--heartbeat", "1")
        self.wait_for_events(lambda events: len(statuses_of(events, "interval")) >= 2)
        events = self.stop()
        for cause in ("start", "change", "interval", "end"):
            interface = statuses_of(events, cause)[0]["interfaces"][0]
            self.assertEqual((interface["name"], interface["mtu"]), ("r0", 9000))
        run = subprocess.run([sys.executable, ROOT / "tests/support/validate_events.py", SCHEMA,
                              self.output], capture_output=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_mistakes_are_told(self):
        for options, status, text in (
                (["-i", "nosuch0"], 1, "nosuch0"),
                (["-i", "r0", "-f", "tcp or or"], 1, "filter"),
                (["-i", "r0", "--snaplen", "1"], 2, "--snaplen"),
                (["-i", "r0,r0"], 2, "--interface"),
                (["-i", "r0", "r1"], 2, "'r1'"),
                ([], 2, "no interface")):
            with self.subTest(options):
                run = subprocess.run(inside("r", live.SEGMON, "run", *options), timeout=WAIT,
                                     capture_output=True)
                self.assertEqual(run.returncode, status, run.stderr)
                self.assertIn(text, run.stderr.decode())


class Signals(Live):
    def test_an_idle_program_ends_within_a_second(self):
        for workers in (1, 2):
            took = []
            while len(took) < TRIES and min(took, default=SLOW) >= SLOW:
                self.start("-w", str(workers))
                self.state()  # It has come to rest, or is about to.
                self.stop()
                took.append(self.stopped_in)
            self.assertLess(min(took), SLOW)

    def test_a_busy_one_ends_too(self):
        path = self.capture(conversations(500))
        self.start("-w", "2")
        sender = threading.Thread(target=self.send, args=(path, 40, 50000))
        sender.start()
        self.settle(1)
        self.stop()
        sender.join()

    def test_another_policy_costs_no_frame(self):
        path = self.capture(conversations(500))
        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.policy.write_text(POLICY % (0, "allow"))
                self.start("-w", str(workers), "-p", self.policy, "--no-dpi",
                           "--buffer", "256M", "-e", "status,violation")
                sent = []
                sender = threading.Thread(
                    target=lambda: sent.append(self.send(path, 15, 20000)))
                sender.start()
                for i in range(1, 6):
                    time.sleep(0.3)
                    self.policy.write_text(POLICY % (i, "deny" if i % 2 else "allow"))
                    self.run_.send_signal(signal.SIGHUP)
                    self.wait_for("is in force", i)
                self.policy.write_text("version: 3\n")
                self.run_.send_signal(signal.SIGHUP)
                self.wait_for("the policy in force stays")
                sender.join()
                self.settle()
                events = self.stop()
                status = statuses_of(events, "end")[0]
                self.assertEqual(status["capture"]["kernel_drops"], 0)
                self.assertEqual(status["capture"]["frames"] +
                                 status["interfaces"][0]["discarded"], sent[0])
                self.assertEqual(len(statuses_of(events, "policy")), 6)
                self.assertGreater(status["violations"]["hits"], 0)
                self.assertEqual(events[-1]["segmon"]["policy"]["revision"], "5")

    def test_without_a_policy_there_is_none_to_read_again(self):
        self.start()
        self.run_.send_signal(signal.SIGHUP)
        self.state()  # It goes on, also after a turn or two.
        self.state()
        self.stop()


class Interfaces(Live):
    def check_goes_on(self, workers, change, said):
        """What is sent before and after is received, and no processor is kept busy."""
        path = self.capture(conversations(100))
        self.start("-w", str(workers), "--heartbeat", "1")
        sent = self.send_whole(path)
        self.settle(sent)
        change()
        for text in said:
            self.wait_for(text)
        self.wait_for("r0: capturing", 2)
        sent += self.send_whole(path)
        self.settle(sent)
        self.check_is_idle()
        events = self.stop()
        status = statuses_of(events, "end")[0]
        self.assertEqual(status["capture"]["frames"], sent)
        notes = [note for s in statuses_of(events, "change") for note in s["notes"]]
        for text in said:
            self.assertTrue(any(text in note for note in notes), notes)
        return status["interfaces"][0]

    def send_whole(self, path):
        """How many of the frames sent got there."""
        before = backlog_drops()
        return self.send(path, pace=20000) - (backlog_drops() - before)

    def check_is_idle(self):
        """Processor time is not what others need, so one good second is enough."""
        used = []
        while len(used) < TRIES and min(used, default=1) >= 0.2 * SLOW:
            before = self.processor_seconds()
            time.sleep(1)
            used.append(self.processor_seconds() - before)
        self.assertLess(min(used), 0.2 * SLOW, used)

    def test_that_go_down_are_waited_for(self):
        def down_and_up():
            ip("-n", f"{NAME}-r", "link", "set", "r0", "down")
            self.wait_for("r0: down")
            self.check_is_idle()
            ip("-n", f"{NAME}-r", "link", "set", "r0", "up")

        for workers in (1, 2):
            with self.subTest(workers=workers):
                interface = self.check_goes_on(workers, down_and_up, ["r0: down"])
                self.assertEqual(interface["losses"], 0)

    def test_that_go_away_are_found_again(self):
        def replace():
            ip("-n", f"{NAME}-r", "link", "del", "r0")
            self.wait_for("r0: lost")
            self.check_is_idle()
            add_link()

        for workers in (1, 2, 3):
            with self.subTest(workers=workers):
                interface = self.check_goes_on(workers, replace, ["r0: lost"])
                self.assertEqual(interface["losses"], 1)
                shares = [w["received"] for w in interface["workers"]]
                self.assertEqual(sum(share > 0 for share in shares), workers)

    def test_that_are_replaced_at_once_are_noticed(self):
        def replace():
            ip("-n", f"{NAME}-r", "link", "del", "r0")
            add_link()

        for workers in (1, 2):
            with self.subTest(workers=workers):
                self.check_goes_on(workers, replace, [])

    def test_of_another_mtu_are_told(self):
        def change():
            ip("-n", f"{NAME}-r", "link", "set", "r0", "mtu", 8000)

        self.addCleanup(ip, "-n", f"{NAME}-r", "link", "set", "r0", "mtu", 9000)
        interface = self.check_goes_on(1, change, ["MTU was 9000 and is 8000"])
        self.assertEqual(interface["mtu"], 8000)

    def test_that_are_down_at_first_are_no_mistake(self):
        ip("-n", f"{NAME}-r", "link", "set", "r0", "down")
        self.start("-w", "2", ready="down")
        ip("-n", f"{NAME}-r", "link", "set", "r0", "up")
        self.wait_for("r0: capturing")
        sent = self.send(self.capture(conversations(10)))
        self.settle()
        self.assertEqual(statuses_of(self.stop(), "end")[0]["capture"]["frames"], sent)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_live.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
