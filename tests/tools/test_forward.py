#!/usr/bin/env python3
"""segmon forward, from a real Redis: test_forward.py SEGMON [unittest options].

What goes in is compared with what comes out, event by event.  Every test has a
redis-server of its own.  Skipped without redis-server."""
import json
import os
import pathlib
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packets as p  # noqa: E402
import processes  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
STREAM = "segmon:{lab}:flow"
PATIENCE_S = 30


def event(number, **more):
    return json.dumps({"@timestamp": "2026-03-10T12:00:07.120331Z",
                       "event": {"id": "lab-%08x" % number, "dataset": "segmon.flow"},
                       "observer": {"name": "lab"}, **more}, separators=(",", ":"))


class Collector:
    """A TCP server that keeps what it is sent; one that is 'deaf' reads nothing
    from its first connection, and hangs up."""

    def __init__(self, deaf=False):
        self.deaf, self.connections = deaf, []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.place = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            data = bytearray()
            self.connections.append(data)
            if self.deaf and len(self.connections) == 1:
                time.sleep(0.5)
                connection.close()
                continue
            while chunk := connection.recv(65536):
                data += chunk
            connection.close()

    def close(self):
        self.listener.close()


def frames(data):
    """The messages of RFC 6587 section 3.4.1; what is cut short is left out."""
    while data:
        size, _, rest = bytes(data).partition(b" ")
        if len(rest) < int(size):
            return
        yield rest[:int(size)].decode()
        data = rest[int(size):]


@unittest.skipUnless(SERVER, "skipped: no redis-server")
class Forward(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="segmon-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = Server(self.folder, "--appendonly", "yes", "--appendfsync", "always")
        self.addCleanup(lambda: self.server.kill())
        self.output = os.path.join(self.folder, "events.ndjson")

    def add(self, numbers, stream=STREAM):
        events = [event(number) for number in numbers]
        for text in events:
            self.assertRegex(self.server.call("XADD", stream, "*", "event", text), rb"^\d+-\d+$")
        return events

    def server_answers(self):
        try:
            return self.server.call("PING") == b"PONG"  # And not that it is loading.
        except OSError:
            return False

    def arguments(self, *more, to=None):
        sensor = () if "--sensor" in more else ("--sensor", "lab")
        return [SEGMON, "forward", "-r", self.server.uri, *sensor,
                *(to or ("-o", self.output)), *more]

    def forward(self, *more, status=0, to=None, **options):
        run = subprocess.run(self.arguments("--once", *more, to=to), capture_output=True, text=True,
                             timeout=60, stdin=subprocess.DEVNULL, **options)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def start(self, *more, to=None):
        run = subprocess.Popen(self.arguments(*more, to=to), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.stderr.close)
        self.addCleanup(lambda: run.poll() is None and (run.kill(), run.wait()))
        return run

    def stop(self, run):
        run.send_signal(signal.SIGTERM)
        run.wait(timeout=20)
        self.assertEqual(run.returncode, 128 + signal.SIGTERM)
        return run.stderr.read()

    def wait(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.02)

    def lines(self, path=None):
        text = pathlib.Path(path or self.output).read_text()
        self.assertTrue(text == "" or text.endswith("\n"))
        return text.splitlines()

    def pending(self, group="forward"):
        return self.server.call("XPENDING", STREAM, group)[0]

    def test_every_event_of_a_stream_comes_out_once_and_in_order(self):
        events = self.add(range(1700))
        run = self.forward()
        self.assertEqual(self.lines(), events)
        self.assertIn("1700 events forwarded", run.stderr)
        self.assertEqual(self.pending(), 0)
        self.forward()
        self.assertEqual(self.lines(), events)

    def test_what_a_replay_wrote_comes_out_as_it_was(self):
        capture = os.path.join(self.folder, "a.pcap")
        ndjson = os.path.join(self.folder, "a.ndjson")
        pathlib.Path(capture).write_bytes(p.pcap(
            [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(300)]))
        subprocess.run([SEGMON, "replay", "-q", "-r", self.server.uri, "-o", ndjson, capture],
                       check=True)
        self.forward()
        self.assertEqual(sorted(self.lines()), sorted(self.lines(ndjson)))
        self.assertEqual(len(self.lines()), 301)

    def test_only_the_kinds_asked_for_are_forwarded(self):
        events = self.add(range(3), "segmon:{lab}:violation")
        self.add(range(3, 6))
        self.forward("--events", "violation")
        self.assertEqual(self.lines(), events)

    def test_sensors_are_found_where_the_fleet_is_listed_also_later_ones(self):
        self.server.call("HSET", "segmon:sensors", "north", "1")
        north = self.add(range(2), "segmon:{north}:flow")
        run = subprocess.Popen([SEGMON, "forward", "-r", self.server.uri, "-o", self.output, "-q"])
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        self.wait(lambda: os.path.exists(self.output) and len(self.lines()) == 2)
        self.server.call("HSET", "segmon:sensors", "south", "1")
        south = self.add(range(2, 4), "segmon:{south}:flow")
        self.wait(lambda: len(self.lines()) == 4)
        self.assertEqual(self.lines(), north + south)

    def test_a_new_group_may_begin_with_what_comes_now(self):
        self.add(range(10))
        self.forward("--from", "newest", "--group", "late")
        events = self.add(range(10, 12))
        self.forward("--group", "late")
        self.assertEqual(self.lines(), events)

    def test_several_readers_share_the_work(self):
        outputs = [self.output + str(i) for i in range(3)]
        runs = [self.start("--consumer", "c%d" % i, "--batch", "10", to=("-o", outputs[i]))
                for i in range(3)]
        events = self.add(range(900))
        self.wait(lambda: sum(len(self.lines(o)) for o in outputs if os.path.exists(o)) == 900)
        for run in runs:
            self.stop(run)
        shares = [self.lines(o) for o in outputs]
        self.assertEqual(sorted(sum(shares, [])), sorted(events))
        for share in shares:
            self.assertEqual(share, sorted(share), "each in order")

    def test_what_a_dead_reader_did_not_acknowledge_is_taken_over(self):
        events = self.add(range(20))
        self.server.call("XGROUP", "CREATE", STREAM, "forward", "0")
        self.server.call("XREADGROUP", "GROUP", "forward", "dead", "COUNT", "7",
                         "STREAMS", STREAM, ">")
        run = self.start("--claim-after", "1")
        self.wait(lambda: os.path.exists(self.output) and len(self.lines()) == 20)
        self.wait(lambda: self.pending() == 0)
        self.assertIn("7 of them taken over", self.stop(run))
        self.assertEqual(sorted(self.lines()), events)

    def test_a_reader_killed_at_any_moment_loses_nothing(self):
        """Twice may come only what was on its way: one batch a kill."""
        rng = random.Random(7)
        stop = threading.Event()
        added = []

        def feed():
            while not stop.is_set():
                added.extend(self.add(range(len(added), len(added) + 20)))

        feeder = threading.Thread(target=feed)
        feeder.start()
        kills = 25
        for _ in range(kills):
            run = self.start("--batch", "30")
            time.sleep(rng.uniform(0.005, 0.15))
            run.kill()
            run.wait()
        stop.set()
        feeder.join()
        self.forward()
        got = self.lines()
        self.assertEqual(sorted(set(got)), sorted(added))
        self.assertLessEqual(len(got) - len(added), kills * 30)

    def test_half_a_line_left_by_a_reader_that_was_killed_is_cut_off(self):
        pathlib.Path(self.output).write_text(event(0) + "\n" + event(1)[:20])
        events = self.add(range(1, 3))
        run = self.forward()
        self.assertIn("half a line at its end was cut off, 20 bytes", run.stderr)
        self.assertEqual(self.lines(), [event(0)] + events)

    def test_a_server_killed_in_between_makes_nothing_come_twice(self):
        run = self.start("--batch", "10")
        added = []
        for _ in range(8):
            added += self.add(range(len(added), len(added) + 50))
            self.server.kill()
            time.sleep(0.05)
            self.server.start()
            self.wait(self.server_answers)
        self.wait(lambda: len(self.lines()) >= len(added))
        time.sleep(0.3)
        self.assertIn("trying again", self.stop(run))
        self.assertEqual(self.lines(), added)

    def test_a_stream_that_is_deleted_and_comes_again_is_read_from_its_start(self):
        run = self.start("--from", "newest")
        self.wait(lambda: self.server.call("EXISTS", STREAM) == 1)
        first = self.add(range(5))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == first)
        self.server.call("DEL", STREAM)
        second = self.add(range(5, 9))
        self.wait(lambda: len(self.lines()) == 9)
        self.stop(run)
        self.assertEqual(self.lines(), first + second)

    def test_entries_that_hold_no_event_are_counted_and_left_behind(self):
        self.server.call("XADD", STREAM, "*", "other", "x")
        self.server.call("XADD", STREAM, "*", "event", "no object")
        self.server.call("XADD", STREAM, "*", "event", '{"two":\n"lines"}')
        self.server.call("XADD", STREAM, "*", "event", b'{"nul":"\0"}')
        events = self.add([1])
        run = self.forward()
        self.assertIn("4 entries held no event", run.stderr)
        self.assertEqual(self.lines(), events)
        self.assertEqual(self.pending(), 0)

    def test_one_run_to_the_end_goes_on_behind_entries_that_hold_no_event(self):
        """Batches that hold nothing else, of what is new and of what was read before."""
        for _ in range(9):
            self.server.call("XADD", STREAM, "*", "other", "x")
        trimmed = [self.server.call("XADD", STREAM, "*", "event", "{}") for _ in range(9)]
        self.server.call("XGROUP", "CREATE", STREAM, "forward", "0")
        self.server.call("XREADGROUP", "GROUP", "forward", "me", "STREAMS", STREAM, ">")
        self.server.call("XDEL", STREAM, *trimmed)
        for _ in range(9):
            self.server.call("XADD", STREAM, "*", "other", "x")
        events = self.add(range(20))
        run = self.forward("--events", "flow", "--batch", "3", "--consumer", "me")
        self.assertIn("18 entries held no event, 9 were trimmed", run.stderr)
        self.assertEqual(self.lines(), events)
        self.assertEqual(self.pending(), 0)

    def test_streams_beyond_the_limit_are_counted_once(self):
        """However often it looks for sensors."""
        names = ["s%03d" % i for i in range(260)]
        self.server.call("HSET", "segmon:sensors", *(word for name in names for word in (name, "1")))
        run = subprocess.Popen([SEGMON, "forward", "-r", self.server.uri, "-o", self.output],
                               stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        self.addCleanup(lambda: run.poll() is None and (run.kill(), run.wait()))
        self.wait(lambda: b"cmdstat_hkeys:calls=3" in self.server.call("INFO", "commandstats"))
        self.assertIn("12 streams were not read", self.stop(run))

    def test_a_key_that_is_no_stream_is_told_and_holds_up_no_other(self):
        """Before there is a group, between two reads, and before what was read is acknowledged."""
        self.server.call("HSET", "segmon:sensors", "bad", "1", "lab", "1", "worse", "1")
        self.server.call("SET", "segmon:{bad}:flow", "x")
        run = subprocess.Popen([SEGMON, "forward", "-r", self.server.uri, "-o", self.output],
                               stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        self.addCleanup(lambda: run.poll() is None and (run.kill(), run.wait()))
        self.assertIn("segmon:{bad}:flow: WRONGTYPE", run.stderr.readline())
        first = self.add(range(3))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == first)
        self.server.call("SET", "segmon:{worse}:flow", "x")
        second = self.add(range(3, 6))
        self.wait(lambda: self.lines() == first + second)
        self.wait(lambda: self.pending() == 0)
        self.assertIn("segmon:{worse}:flow: WRONGTYPE", self.stop(run))

    def test_what_is_no_stream_any_more_needs_no_acknowledgement(self):
        """What was read of it is on its way, to a peer that is not there yet."""
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.add(range(3))
        run = self.start(to=("--tcp", "127.0.0.1:%d" % port, "--format", "ndjson"))
        self.assertIn("Connection refused", run.stderr.readline())
        self.server.call("SET", STREAM, "x")
        events = self.add(range(3, 6), "segmon:{lab}:violation")
        got = b""
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(PATIENCE_S)
            with listener.accept()[0] as connection:
                connection.settimeout(PATIENCE_S)
                while events[-1].encode() not in got:
                    got += connection.recv(65536)
        self.stop(run)

    def test_what_was_trimmed_after_it_was_read_is_counted(self):
        self.add(range(4))
        self.server.call("XGROUP", "CREATE", STREAM, "forward", "0")
        self.server.call("XREADGROUP", "GROUP", "forward", "me", "STREAMS", STREAM, ">")
        self.server.call("XTRIM", STREAM, "MAXLEN", "1")
        run = self.forward("--consumer", "me")
        self.assertIn("3 were trimmed", run.stderr)
        self.assertEqual(self.lines(), [event(3)])
        self.assertEqual(self.pending(), 0)

    def test_a_full_disk_is_told_and_nothing_is_acknowledged_that_is_not_on_it(self):
        """The limit on a file's size is as good as a full disk."""
        size = 100 * len(event(0))
        events = self.add(range(400))
        run = subprocess.Popen(
            self.arguments("--batch", "30"), stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))))
        self.addCleanup(run.stderr.close)
        self.assertIn("cannot be written", run.stderr.readline())
        run.send_signal(signal.SIGTERM)
        run.wait(timeout=20)
        written = self.lines()
        self.assertEqual(written, events[:len(written)], "whole lines, in order")
        self.forward()
        self.assertEqual(self.lines(), events)

    def test_standard_output_gets_the_events_and_nothing_else(self):
        events = self.add(range(700))
        run = self.forward(to=("-o", "-"))
        self.assertEqual(run.stdout.splitlines(), events)

    def test_a_file_that_was_moved_away_is_opened_again_at_sighup(self):
        run = self.start()
        first = self.add(range(3))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == first)
        os.rename(self.output, self.output + ".1")
        run.send_signal(signal.SIGHUP)
        self.wait(lambda: os.path.exists(self.output))
        second = self.add(range(3, 6))
        self.wait(lambda: self.lines() == second)
        self.stop(run)
        self.assertEqual(self.lines(self.output + ".1"), first)

    def test_a_file_that_cannot_be_opened_again_holds_up_what_would_be_in_it(self):
        """The old one is somebody else's since it was moved away."""
        run = self.start()
        first = self.add(range(3))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == first)
        os.rename(self.output, self.output + ".1")
        os.mkdir(self.output)
        run.send_signal(signal.SIGHUP)
        self.assertIn("cannot be opened: Is a directory; trying again", run.stderr.readline())
        second = self.add(range(3, 6))
        self.assertIn("trying again", run.stderr.readline())
        self.assertEqual(self.lines(self.output + ".1"), first)
        os.rmdir(self.output)
        self.wait(lambda: os.path.exists(self.output) and self.lines() == second)
        self.stop(run)
        self.assertEqual(self.lines(self.output + ".1"), first)

    def test_a_file_that_was_removed_is_made_again(self):
        """What it would hold would be acknowledged, and nobody could read it."""
        run = self.start()
        first = self.add(range(3))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == first)
        self.wait(lambda: self.pending() == 0)
        os.unlink(self.output)
        second = self.add(range(3, 6))
        self.wait(lambda: os.path.exists(self.output) and self.lines() == second)
        self.stop(run)

    def test_standard_output_that_nobody_reads_any_more_is_the_end(self):
        """As of 'segmon forward ... | head -1'; others get what it did not take."""
        self.add(range(2000))
        run = self.start(to=("-o", "-"))
        run.stdout.readline()
        run.stdout.close()
        self.assertEqual(run.wait(timeout=20), 1)
        self.assertIn("cannot be written: Broken pipe\n", run.stderr.read())
        self.assertGreater(self.pending(), 0)

    def test_two_readers_do_not_share_a_file(self):
        self.start("--consumer", "a")
        self.wait(lambda: os.path.exists(self.output))
        processes.wait_until_locked(self.output)
        run = self.forward("--consumer", "b", status=1)
        self.assertIn("another process forwards events to it", run.stderr)

    def test_over_tcp_each_event_is_a_syslog_message_with_its_length(self):
        collector = Collector()
        self.addCleanup(collector.close)
        events = [event(1), event(2, segmon={"severity": "critical"}),
                  event(3, segmon={"severity": "medium"}, text="<\u00e9> \u2028")]
        for text in events:
            self.server.call("XADD", STREAM, "*", "event", text)
        self.forward("--facility", "local3", to=("--tcp", collector.place))
        head = "<%d>1 2026-03-10T12:00:07.120331Z lab segmon - flow - %s"
        self.wait(lambda: collector.connections and
                  len(list(frames(collector.connections[0]))) == 3)
        self.assertEqual(list(frames(collector.connections[0])),
                         [head % (19 * 8 + severity, text)
                          for severity, text in zip((6, 2, 4), events)])

    def test_headers_take_nothing_that_would_break_them(self):
        collector = Collector()
        self.addCleanup(collector.close)
        text = json.dumps({"@timestamp": "now \n", "event": {"dataset": "a" * 300},
                           "observer": {"name": "two words"}})
        self.server.call("XADD", STREAM, "*", "event", text)
        self.forward(to=("--tcp", collector.place))
        self.wait(lambda: collector.connections and list(frames(collector.connections[0])))
        self.assertEqual(list(frames(collector.connections[0])),
                         ["<134>1 - - segmon - - - " + text])

    def test_a_peer_that_hangs_up_without_reading_gets_everything_again(self):
        """More than its system takes for it: that would be lost with it."""
        collector = Collector(deaf=True)
        self.addCleanup(collector.close)
        events = self.add(range(400))
        run = self.start("--events", "flow", "--format", "ndjson", to=("--tcp", collector.place))
        self.wait(lambda: len(collector.connections) == 2 and
                  len(collector.connections[1].splitlines()) == 400)
        self.wait(lambda: self.pending() == 0)
        self.stop(run)
        self.assertEqual(bytes(collector.connections[1]).decode().splitlines(), events)

    def test_a_peer_that_is_not_there_makes_it_wait_and_nothing_is_acknowledged(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.add(range(5))
        run = self.start(to=("--tcp", "127.0.0.1:%d" % port))
        self.assertIn("Connection refused", run.stderr.readline())
        self.assertEqual(self.pending(), 5)
        self.stop(run)
        self.assertEqual(self.pending(), 5)

    def test_mistakes_on_the_command_line_are_told(self):
        for arguments, text in (
                (["-o", "x"], "no Redis given"),
                (["-r", "unix:///x"], "either --output or --tcp"),
                (["-r", "unix:///x", "-o", "x", "--tcp", "a:1"], "either --output or --tcp"),
                (["-r", "http://x"], "redis://"),
                (["-r", "unix:///x", "-o", "x", "--batch", "501"], "bad value '501'"),
                (["-r", "unix:///x", "-o", "x", "--sensor", "a,b c"], "bad value 'a,b c'"),
                (["-r", "unix:///x", "-o", "x", "--facility", "local8"], "bad value 'local8'"),
                (["-r", "unix:///x", "-o", "x", "--format", "xml"], "bad value 'xml'"),
                (["-r", "unix:///x", "-o", "x", "--group", "g" * 129], "bad value"),
                (["-r", "unix:///x", "-o", "x", "more"], "no operands")):
            run = subprocess.run([SEGMON, "forward", *arguments], capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stdout), (2, ""), arguments)
            self.assertIn(text, run.stderr)
        for place in ("host", "host:0", "host:65536", ":1", "fe80::1:80", "host:1x"):
            run = subprocess.run([SEGMON, "forward", "-r", "unix:///x", "--tcp", place],
                                 capture_output=True, text=True)
            self.assertIn("is not HOST:PORT", run.stderr)
            self.assertEqual(run.returncode, 1)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
