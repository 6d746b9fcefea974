#!/usr/bin/env python3
"""segmon replay told, given and made to do what cannot be done: test_replay_trouble.py
SEGMON [unittest options]."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import packets as p  # noqa: E402
import processes  # noqa: E402
import replaying  # noqa: E402
from replaying import ALLOWED, FORBIDDEN, POLICY  # noqa: E402


class Trouble(replaying.Replaying):
    def test_what_precedes_the_damage_is_processed_and_the_place_is_told(self):
        content = p.pcap(ALLOWED)
        capture = self.file("cut.pcap", content[:-10])
        run = self.run_segmon("replay", "-q", "-o", "-", "-e", "flow", capture)
        self.assertEqual(run.returncode, 1)
        flow = json.loads(run.stdout)
        self.assertEqual(flow["source"]["packets"] + flow["destination"]["packets"],
                         len(ALLOWED) - 1)
        talk = run.stderr.decode()
        last = len(content) - 16 - len(ALLOWED[-1])
        self.assertIn("cut.pcap", talk)
        self.assertIn(f"{len(ALLOWED)}", talk)
        self.assertIn(f"{last}", talk)

    def test_damage_stops_the_run_unless_told_to_keep_going(self):
        bad = self.file("1.pcap", p.pcap(ALLOWED)[:-10])
        good = self.file("2.pcap", p.pcap(FORBIDDEN, start=1_700_000_100.0))
        self.assertEqual(len(self.flows(bad, good, status=1)), 1)
        self.assertEqual(len(self.flows("-k", bad, good, status=1)), 2)

    def test_a_file_that_is_no_capture_is_an_error_that_names_it(self):
        path = self.file("letter.txt", b"Dear reader,\n" * 10)
        run = self.run_segmon("replay", "-q", path)
        self.assertEqual(run.returncode, 1)
        self.assertIn("letter.txt", run.stderr.decode())

    def test_clocks_at_both_ends_of_time_are_borne(self):
        offsets = (-(1 << 63), (1 << 63) - 1, 1_700_000_000)
        frames = [(number % 3, frame) for number, frame in enumerate(ALLOWED + FORBIDDEN)]
        policy = self.file("silence.yaml", POLICY.encode() + b"detect: {conformance: "
                           b"{silent: 1h}, scan: true, new_talker: true}\n")
        capture = self.file("clocks.pcapng", p.pcapng(frames, offsets))
        flows = self.flows("-p", policy, capture)
        times = {flow["event"][end][:10] for flow in flows for end in ("start", "end")}
        ended = [flow for flow in flows if flow["segmon"]["record"] == "end"]
        self.assertEqual(sum(flow["network"]["packets"] for flow in ended), len(frames))
        self.assertLessEqual(times, {"1970-01-01", "2023-11-14", "2200-01-01"})

    def test_usage_mistakes_are_status_2(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        for arguments in ((), ("--no-such-option", capture), ("--workers", "0", capture),
                          ("--workers", "x", capture), ("--events", "flow,nothing", capture),
                          ("--max-flows", "-1", capture), ("--memory", "12Q", capture),
                          ("--dpi-memory", "12Q", capture), ("--dpi-memory", "1000K", capture),
                          ("--sensor", "a b", capture), ("--set", "sensor", capture),
                          ("--set", "no.such=1", capture), ("--set", "heartbeat=5", capture),
                          ("-o", "redis://h", capture), ("--memory", "100M", capture),
                          (*["--set", "capture.workers=1"] * 101, capture)):
            self.assertEqual(self.run_segmon("replay", *arguments).returncode, 2, arguments)
        self.assertEqual(self.run_segmon("no-such-command").returncode, 2)
        self.assertEqual(self.run_segmon().returncode, 2)

    def test_a_wrong_policy_is_status_2_and_nothing_is_written(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        policy = self.file("bad.yaml", POLICY.replace("servers,", "serverz,").encode())
        output = self.path / "events.ndjson"
        run = self.run_segmon("replay", "-p", policy, "-o", str(output), capture)
        self.assertEqual(run.returncode, 2)
        self.assertRegex(run.stderr.decode(), r"bad\.yaml:\d+:\d+: .*serverz")
        self.assertFalse(output.exists())

    def test_a_wrong_filter_is_an_error(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        run = self.run_segmon("replay", "-f", "tcp and and", capture)
        self.assertEqual(run.returncode, 1)

    def test_an_input_is_never_overwritten(self):
        content = p.pcap(ALLOWED)
        capture = self.file("a.pcap", content)
        run = self.run_segmon("replay", "-o", capture, capture)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(pathlib.Path(capture).read_bytes(), content)

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        run = self.run_segmon("replay", "-q", "-o", "/dev/full", capture)
        self.assertEqual(run.returncode, 1)
        self.assertIn("No space left", run.stderr.decode())

    def test_a_signal_ends_the_run_in_order(self):
        run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-o", "-", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdin.write(p.pcap(ALLOWED))
        run.stdin.flush()
        processes.wait_until_it_catches(run.pid, signal.SIGTERM)
        processes.wait_until_read(run.stdin)
        run.send_signal(signal.SIGTERM)
        output = run.stdout.read().decode()
        run.stdin.close()
        run.stdout.close()
        run.stderr.close()
        self.assertEqual(run.wait(timeout=20), 128 + signal.SIGTERM)
        self.assertEqual(json.loads(output.splitlines()[0])["event"]["reason"], "shutdown")

    def test_a_signal_ends_a_run_that_waits_for_its_input(self):
        content = p.pcap(ALLOWED)
        for start, workers in ((b"", "1"), (content[:10], "1"), (content[:40], "2")):
            run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-w", workers, "-"],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            run.stdin.write(start)
            run.stdin.flush()
            processes.wait_until_it_catches(run.pid, signal.SIGINT)
            processes.wait_until_read(run.stdin)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(timeout=30), 128 + signal.SIGINT, start)
            self.assertEqual(run.stderr.read(), b"")
            run.stdin.close()
            run.stderr.close()

    def test_a_signal_ends_a_run_that_waits_after_a_large_file(self):
        capture = self.file("a.pcap", self.large(0))
        run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-w", "3", capture, "-"],
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdin.write(p.pcap(ALLOWED))
        run.stdin.flush()
        processes.wait_until_read(run.stdin)
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=30), 128 + signal.SIGINT)
        self.assertEqual(run.stderr.read(), b"")
        run.stdin.close()
        run.stderr.close()

    def test_a_signal_ends_a_run_whose_reader_takes_nothing(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        reader, writer = os.pipe()
        run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-o", "-", capture],
                               stdout=writer, stderr=subprocess.PIPE)
        processes.wait_until_in(reader, 10000)  # There will be more than it takes.
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(timeout=60), 128 + signal.SIGTERM)
        self.assertIn(b"timed out", run.stderr.read())
        run.stderr.close()
        os.close(reader)
        os.close(writer)

    def test_killed_in_the_middle_the_file_has_one_torn_line_at_most(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        output = self.path / "events"
        for delay in (0.02, 0.05, 0.1, 0.2):
            run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-o", str(output),
                                    "--max-flows", "100", capture])
            time.sleep(delay)
            run.kill()
            run.wait()
            lines = output.read_bytes().split(b"\n") if output.exists() else [b""]
            for line in lines[:-1]:
                json.loads(line)

    def test_a_folder_without_captures_is_an_error(self):
        folder = self.path / "empty"
        folder.mkdir()
        (folder / "notes.txt").write_text("no capture")
        run = self.run_segmon("replay", str(folder))
        self.assertEqual(run.returncode, 1)
        self.assertIn("no capture", run.stderr.decode())
        self.assertIn("1 other file", run.stderr.decode())

    def test_neither_the_policy_nor_redirected_input_is_overwritten(self):
        content = p.pcap(ALLOWED)
        capture = self.file("a.pcap", content)
        link = str(self.path / "link")
        os.link(capture, link)
        for arguments in (("-o", self.policy, "-p", self.policy, capture),
                          ("-o", link, capture), ("-o", capture, "-")):
            with open(capture, "rb") as stdin:
                run = self.run_segmon("replay", "-q", *arguments, stdin=stdin)
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn("not overwritten", run.stderr.decode())
        with open(capture, "rb") as stdin, open(capture, "ab") as stdout:
            run = subprocess.run([replaying.SEGMON, "replay", "-q", "-o", "-", "-"], stdin=stdin,
                                 stdout=stdout, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(pathlib.Path(capture).read_bytes(), content)
        self.assertEqual(pathlib.Path(self.policy).read_text(), POLICY)

    def test_a_closed_standard_output_is_an_error_and_harms_no_file(self):
        capture = self.file("a.pcap", p.pcap(ALLOWED))
        output = self.path / "events"
        for arguments in ("-o %s %s" % (output, capture), "-q -o - " + capture):
            run = subprocess.run(["sh", "-c", f"exec {replaying.SEGMON} replay {arguments} >&-"],
                                 stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(run.returncode, 1, arguments)
            self.assertIn(b"Bad file descriptor", run.stderr)
        for line in output.read_text().splitlines():
            json.loads(line)

    def test_a_reader_that_goes_away_is_told(self):
        syns = [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(2000)]
        capture = self.file("a.pcap", p.pcap(syns))
        run = subprocess.Popen([replaying.SEGMON, "replay", "-q", "-o", "-", capture],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        json.loads(run.stdout.readline())
        run.stdout.close()
        self.assertEqual(run.wait(timeout=60), 1)
        self.assertIn(b"Broken pipe", run.stderr.read())
        run.stderr.close()

    def test_names_cannot_disturb_a_terminal_nor_lose_the_status(self):
        folder = self.path / "captures"
        folder.mkdir()
        cut = p.pcap(ALLOWED)[:-10]
        for i in range(80):
            (folder / ("\x1b[31m\x07" + 200 * "\x01" + str(i))).write_bytes(cut)
        output = self.path / "events"
        run = self.run_segmon("replay", "-k", "-o", str(output), str(folder))
        self.assertEqual(run.returncode, 1)
        for text in (run.stdout, run.stderr):
            self.assertFalse(set(text) & (set(range(32)) - {10}))
            self.assertLess(text.count(b"ends inside"), 30)
        status = json.loads(output.read_text().splitlines()[-1])["segmon"]["status"]
        self.assertEqual(status["n_files"], 80)
        self.assertGreater(len(status["files"]), 3)


if __name__ == "__main__":
    replaying.main()
