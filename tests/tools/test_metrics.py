#!/usr/bin/env python3
"""segmon run --metrics, as Prometheus and as an attacker meets it; see live.py:
test_metrics.py SEGMON SEND_FRAMES.  Needs root and says so: status 77."""
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import live
from live import NAME, ROOT, WAIT, Live, conversations, inside, ip
from live import add_networks, remove_networks as tearDownModule  # noqa: F401

PORT = 9464
LIFETIME = 20  # Seconds that a connection is kept at the most.
TEXT = "text/plain; version=0.0.4; charset=utf-8"
POLICY = """\
version: 1
policy: {name: test, revision: "%s"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
rules:
  - {id: no-web, from: users, to: servers, service: http, action: deny}
  - {id: rest, from: users, to: servers, service: any, action: allow}
"""
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def setUpModule():
    """This program moves to the network of who reads, so that it can ask there."""
    add_networks()
    ip("-n", f"{NAME}-r", "link", "set", "lo", "up")
    subprocess.run(inside("r", "sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0"), check=True)
    with open(f"/run/netns/{NAME}-r", "rb") as network:
        if LIBC.setns(network.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def ask(*question, **more):
    """Status, headers and text of an answer.  A busy machine may keep the program from
    having its metrics in time, which it says."""
    end = time.monotonic() + WAIT
    while True:
        answer = ask_once(*question, **more)
        if answer[2] != "no metrics came in time\n" or time.monotonic() > end:
            return answer


def ask_once(path="/metrics", method="GET", host=None, address="127.0.0.1", body=None):
    connection = http.client.HTTPConnection(address, PORT, timeout=WAIT)
    connection.request(method, path, body, {"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def metrics():
    """Each sample by its name and labels."""
    status, _, text = ask()
    assert status == 200, text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def numbers(value, path=""):
    """Each number under a JSON value by its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from numbers(inner, f"{path}.{i}")
    elif isinstance(value, int):
        yield path, value


class Metrics(Live):
    def begin(self, *options):
        self.policy.write_text(POLICY % 1)
        self.start("-p", self.policy, "--metrics", str(PORT), *options)

    def wait_for_metric(self, name, value):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            told = metrics()
            if told.get(name) == value:
                return told
            time.sleep(0.1)
        self.fail(f"{name} is {told.get(name)}, not {value}")

    def wait_for_answer(self, path, status, text):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            answer = ask(path)
            if answer[0] == status and text in answer[2]:
                return
            time.sleep(0.1)
        self.fail(f"{path}: {answer}")

    def last_interval(self):
        text = self.output.read_text()
        events = map(json.loads, text[:text.rfind("\n") + 1].splitlines())
        found = [event for event in events if event["event"]["dataset"] == "segmon.status"
                 and event["segmon"]["status"]["cause"] == "interval"]
        return found[-1]["segmon"]["status"] if found else None


class Numbers(Metrics):
    def test_are_those_of_the_status_event(self):
        self.begin("-w", "2", "--heartbeat", "1", "-e", "violation,status")
        sent = self.send(self.capture(conversations(300)))
        # Of each conversation: violations are told when it begins and when it is answered.
        told = self.wait_for_metric('segmon_violation_hits_total{rule="no-web"}', 300)
        self.assertEqual((told["segmon_frames_total"], told["segmon_flow_table_created_total"]),
                         (sent, 300))
        self.assertGreater(told["process_resident_memory_bytes"], 5 << 20)
        self.assertGreater(told["process_cpu_seconds_total"], 0)
        end = time.monotonic() + WAIT  # Flows end meanwhile, and memory is given back.
        while differences := self.differences():
            self.assertLess(time.monotonic(), end, differences)
            time.sleep(0.3)
        for name, value in metrics().items():
            if name.startswith("segmon_conservation_difference"):
                self.assertEqual(value, 0, name)
        self.stop()

    def differences(self):
        """Between the last status event and the metrics; it is as old as a second."""
        status = self.last_interval()
        if not status:
            return ["no status event"]
        told = metrics()
        values = set(told.values())
        kept = {path: value for path, value in numbers(status)
                if not path.startswith(("outputs.0.events.status", "violations.told",
                                        "violations.hits", "capture.kernel_drops"))
                and not isinstance(value, bool)}
        self.assertGreater(len(kept), 70)
        differences = [path for path, value in kept.items() if value not in values]
        for name, of in (("segmon_violations_total", "told"), ("segmon_violation_hits_total", "hits")):
            if status["violations"][of] != sum(value for key, value in told.items()
                                               if key.startswith(name)):
                differences.append(name)
        for i, worker in enumerate(status["interfaces"][0]["workers"]):
            if told[f'segmon_capture_packets_total{{interface="r0",worker="{i}"}}'] != \
                    worker["received"]:
                differences.append(f"worker {i}")
        return differences

    @unittest.skipUnless(shutil.which("promtool"), "promtool is missing (prometheus)")
    def test_are_as_promtool_likes_them(self):
        self.begin("-w", "2")
        sent = self.send(self.capture(conversations(20)))
        self.wait_for_metric("segmon_frames_total", sent)
        _, headers, text = ask()
        self.assertEqual(headers["Content-Type"], TEXT)
        run = subprocess.run(["promtool", "check", "metrics"], input=text.encode(),
                             capture_output=True, timeout=60)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        self.stop()

    def test_tell_what_became_of_a_policy(self):
        self.begin()
        self.assertEqual(metrics()["segmon_config_last_reload_successful"], 1)
        for text, good, result, n in ((POLICY % 2, 1, "success", 1),
                                      ("version: 3\n", 0, "failure", 1),
                                      (POLICY % 3, 1, "success", 2)):
            self.policy.write_text(text)
            self.run_.send_signal(signal.SIGHUP)
            told = self.wait_for_metric(
                f'segmon_config_reloads_total{{result="{result}"}}', n)
            self.assertEqual(told["segmon_config_last_reload_successful"], good)
        self.assertEqual(told['segmon_config_reloads_total{result="failure"}'], 1)
        info = [name for name in told if name.startswith("segmon_policy_info")]
        self.assertEqual(len(info), 1)
        self.assertIn('name="test",revision="3",sha256="', info[0])
        self.stop()


class Answers(Metrics):
    def test_are_given_to_this_machine_only(self):
        self.begin()
        for address in ("127.0.0.1", "::1"):
            self.assertEqual(ask(address=address)[0], 200)
        ip("address", "add", "192.0.2.1/32", "dev", "r0")
        self.addCleanup(ip, "address", "del", "192.0.2.1/32", "dev", "r0")
        with self.assertRaises(ConnectionRefusedError):
            ask(address="192.0.2.1")
        self.start("--metrics", f"192.0.2.1:{PORT}")
        self.assertEqual(ask(address="192.0.2.1")[0], 200)
        with self.assertRaises(ConnectionRefusedError):
            ask(address="127.0.0.1")
        self.stop()

    def test_are_given_under_names_that_cannot_be_rebound(self):
        self.begin()
        for host, status in (("localhost", 200), ("LocalHost:9464", 200), ("127.0.0.1", 200),
                             ("[::1]:9464", 200), ("10.9.8.7:1", 200), ("evil.example", 403),
                             ("localhost.evil.example:9464", 403), ("127.0.0.1.evil.example", 403),
                             ("x" * 300, 403), (socket.gethostname() + "x", 403)):
            self.wait_for_answer("/readyz", 200, "ok")
            for path in ("/metrics", "/healthz", "/readyz"):
                self.assertEqual(ask(path, host=host)[0], status, host)
        self.assertEqual(ask(host=socket.gethostname())[0],
                         200 if socket.gethostname() == "localhost" else 403)
        self.start("--metrics", f"0.0.0.0:{PORT}")
        self.assertEqual(ask(host=socket.gethostname())[0], 200)
        self.assertEqual(ask(host="evil.example")[0], 403)
        self.stop()

    def test_are_to_get_and_head(self):
        self.begin()
        status, headers, text = ask(method="HEAD")
        self.assertEqual((status, text, headers["Content-Type"]), (200, "", TEXT))
        self.assertGreater(int(headers["Content-Length"]), 5000)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "X"):
            status, headers, _ = ask(method=method, body="x" * 100000)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
        self.assertEqual(ask("/")[0], 404)
        self.assertEqual(ask("/metrics/")[0], 404)
        self.assertEqual(ask("/metrics?x=1")[0], 200)
        for path in ("/metrics", "/healthz", "/nothing"):
            headers = ask(path)[1]
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Cache-Control"], "no-store")
        self.stop()

    def test_a_port_that_is_taken_is_told_at_the_start(self):
        self.begin()
        run = subprocess.run(inside("r", live.SEGMON, "run", "-i", "r0", "--metrics", str(PORT)),
                             capture_output=True, timeout=WAIT)
        self.assertEqual(run.returncode, 1)
        self.assertIn(f"127.0.0.1:{PORT}: cannot listen there: Address already in use",
                      run.stderr.decode())
        self.stop()
        self.begin()  # Free at once when the run is over.
        self.wait_for_answer("/readyz", 200, "ok")
        self.stop()

    def test_mistakes_are_told(self):
        for value in ("", "0", "65536", "localhost:9464", "1.2.3.4", "::1:9464"):
            run = subprocess.run([live.SEGMON, "run", "-i", "r0", "--metrics", value],
                                 capture_output=True, timeout=WAIT)
            self.assertEqual(run.returncode, 2, value)
            self.assertIn("--metrics", run.stderr.decode())


class Health(Metrics):
    def test_a_run_is_ready_while_it_captures(self):
        self.addCleanup(ip, "link", "set", "r0", "up")
        ip("link", "set", "r0", "down")
        self.start("--metrics", str(PORT), ready="down")
        self.wait_for_answer("/readyz", 503, "not ok: no interface captures; r0: down")
        self.assertEqual(ask("/healthz")[0], 200)
        told = metrics()
        self.assertEqual((told["segmon_ready"], told['segmon_capture_link_up{interface="r0"}']),
                         (0, 0))
        ip("link", "set", "r0", "up")
        self.wait_for_answer("/readyz", 200, "ok")
        self.wait_for_metric("segmon_ready", 1)
        self.stop()


class Enemies(Metrics):
    """What any program on the machine could do."""

    def connect(self, bytes_=b""):
        connection = socket.create_connection(("127.0.0.1", PORT), WAIT)
        self.addCleanup(connection.close)
        connection.sendall(bytes_)
        return connection

    def annoy(self):
        """Some who never finish what they ask, and a crowd who never begin."""
        here = [self.connect(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
                for _ in range(10)]
        for _ in range(200):
            connection = socket.socket()
            self.addCleanup(connection.close)
            connection.setblocking(False)  # Not all are let in.
            connection.connect_ex(("127.0.0.1", PORT))
            here.append(connection)
        return here

    def test_cost_no_frame_and_no_event(self):
        self.begin("-w", "2", "--heartbeat", "1")
        path = self.capture(conversations(200))
        sent = []
        sender = threading.Thread(target=lambda: sent.append(self.send(path, 40, 20000)))
        sender.start()
        here = self.annoy()
        end = time.monotonic() + 1
        while time.monotonic() < end:  # A byte now and then keeps a connection.
            for connection in here[:10]:
                try:
                    connection.send(b"x")
                except OSError:
                    pass
            time.sleep(0.05)
        sender.join()
        for connection in here:
            connection.close()
        self.assertEqual(self.wait_for_ready()[0], 200)
        self.settle()
        events = self.stop()
        self.assertLess(self.stopped_in, LIFETIME)
        status = events[-1]["segmon"]["status"]
        self.assertEqual(status["capture"]["kernel_drops"], 0)
        self.assertEqual(status["capture"]["frames"] +
                         status["interfaces"][0]["discarded"], sent[0])
        for kind in status["outputs"][0]["events"].values():
            self.assertEqual(kind["dropped"], 0)

    def wait_for_ready(self):
        end = time.monotonic() + WAIT
        while True:
            try:
                return ask("/readyz")
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def test_are_let_go_after_a_while_however_they_behave(self):
        """A byte a second is no reason to be kept."""
        self.begin()
        slow = [self.connect(b"GET /metrics HTTP/1.1\r\nX: ") for _ in range(16)]
        silent = self.connect()
        began = time.monotonic()
        open_ = set(slow)
        while open_ and time.monotonic() - began < LIFETIME + WAIT:
            for connection in list(open_):
                try:
                    connection.send(b"x")
                except OSError:
                    open_.discard(connection)
            time.sleep(1)
        self.assertFalse(open_)
        self.assertGreater(time.monotonic() - began, 15)
        silent.settimeout(WAIT)
        self.assertEqual(silent.recv(1), b"")
        self.assertEqual(ask()[0], 200)
        self.stop()

    def test_get_nothing_for_nonsense(self):
        self.begin()
        for nonsense, answer in (
                (b"\x00" * 1000 + b"\r\n\r\n", b""),
                (os.urandom(5000), b""),
                (b"GET\r\n\r\n", b""),
                (b"GET /metrics HTTP/9.9\r\nHost: localhost\r\n\r\n", b""),
                (b"GET /" + b"a" * 1000000, b"414|431|400"),
                (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1000000,
                 b"431|413|400"),
                (b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 100000, b"431|413|400"),
                (b"GET /metrics HTTP/1.1\r\n\r\n", b"400|403"),  # Without a host.
                (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
                 b"405")):
            with self.subTest(nonsense[:30]):
                connection = self.connect()
                try:
                    connection.sendall(nonsense)
                    connection.shutdown(socket.SHUT_WR)
                    got = connection.recv(100)
                except OSError:  # It was closed to us before we were through.
                    got = b""
                if got:
                    self.assertRegex(got, rb"^HTTP/1\.\d (%s) " % (answer or b"[45]\\d\\d"))
                self.assertNotIn(b"segmon_", got)
        self.assertEqual(ask()[0], 200)
        self.stop()

    def test_do_not_keep_the_program_from_ending(self):
        self.begin()
        self.annoy()
        self.stop()
        self.assertLess(self.stopped_in, LIFETIME)


if __name__ == "__main__":
    live.SEGMON, live.SEND = sys.argv[1:3]
    reason = live.reason_to_skip()
    if reason:
        print(f"test_metrics.py: skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
