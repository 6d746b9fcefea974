#!/usr/bin/env python3
"""TLS to a real Redis: test_redis_tls.py SEGMON [unittest options].

A redis-server that speaks TLS on a port of 127.0.0.1, and certificates made for each
run.  Skipped where redis-server, openssl or segmon itself know no TLS."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packets as p  # noqa: E402
from certificates import OPENSSL, knows_tls, make_authority, make_certificate  # noqa: E402
from redis_cluster import wait_for  # noqa: E402
from redis_server import SERVER, Server, free_ports  # noqa: E402

SEGMON = None
STUNNEL = shutil.which("stunnel4")
RECIPE = pathlib.Path(__file__).resolve().parents[2] / "tools/integrations/stunnel/redis.conf"
N_FLOWS = 200


def listens(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def make_certificates(folder):
    make_authority(folder, "ours")
    make_authority(folder, "theirs")
    make_certificate(folder, "server", "ours", "DNS:localhost,IP:127.0.0.1")
    make_certificate(folder, "named", "ours", "DNS:redis.example")
    make_certificate(folder, "expired", "ours", "DNS:localhost,IP:127.0.0.1", is_expired=True)
    make_certificate(folder, "sensor", "ours", "DNS:sensor.example")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not knows_tls(SEGMON):
            raise unittest.SkipTest("segmon was built without TLS")
        folder = tempfile.TemporaryDirectory(prefix="segmon-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        make_certificates(cls.folder)
        cls.capture = os.path.join(cls.folder, "a.pcap")
        pathlib.Path(cls.capture).write_bytes(p.pcap(
            [p.tcp("10.1.0.1", 1024 + i, "10.2.0.1", 80, p.SYN) for i in range(N_FLOWS)]))

    def serve(self, certificate="server", clients="no"):
        folder = tempfile.mkdtemp(dir=self.folder)
        self.port, = free_ports(1)
        try:
            self.server = Server(folder, "--tls-port", str(self.port),
                                 "--bind", "127.0.0.1", "::1",
                                 "--tls-cert-file", self.file(f"{certificate}.pem"),
                                 "--tls-key-file", self.file(f"{certificate}.key"),
                                 "--tls-ca-cert-file", self.file("ours.pem"),
                                 "--tls-auth-clients", clients)
        except RuntimeError:
            self.skipTest("this redis-server knows no TLS")
        self.addCleanup(self.server.kill)
        return f"rediss://127.0.0.1:{self.port}/0?ca={self.file('ours.pem')}"

    def file(self, name):
        return os.path.join(self.folder, name)

    def replay(self, uri, status=0):
        done = subprocess.run([SEGMON, "replay", "-q", "--sensor", "lab", "--redis", uri, self.capture],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def refused(self, uri, reason):
        """And nothing was sent."""
        self.assertIn(reason, self.replay(uri, status=1))
        self.assertEqual(self.server.call("DBSIZE"), 0)

    def n_flows(self):
        return self.server.call("XLEN", "segmon:{lab}:flow")

    def test_events_go_through_tls(self):
        self.replay(self.serve())
        self.assertEqual(self.n_flows(), N_FLOWS)
        self.replay(f"rediss://localhost:{self.port}?ca={self.file('ours.pem')}")
        self.assertEqual(self.n_flows(), 2 * N_FLOWS)

    def test_so_they_do_to_readers(self):
        uri = self.serve()
        self.replay(uri)
        for command in (["forward", "--once", "-q", "--output", "-", "--events", "flow"],
                        ["tail", "--json", "--events", "flow", "--since", "0", "--count",
                         str(N_FLOWS)]):
            done = subprocess.run([SEGMON, *command, "--redis", uri], capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stdout.splitlines()), N_FLOWS)
        done = subprocess.run([SEGMON, "doctor", "--redis", uri, "--sensor", "lab"],
                              capture_output=True, text=True, timeout=60)
        self.assertNotIn("D-REDIS-UNREACHABLE", done.stdout)
        self.assertNotIn("D-REDIS-CLEARTEXT", done.stdout)

    def test_a_certificate_of_a_stranger_is_refused(self):
        uri = self.serve()
        self.refused(uri.replace("ours", "theirs"), "self-signed certificate")
        self.refused(f"rediss://127.0.0.1:{self.port}", "self-signed certificate")

    def test_an_expired_certificate_is_refused(self):
        self.refused(self.serve("expired"), "certificate has expired")

    def test_a_certificate_of_another_host_is_refused(self):
        uri = self.serve("named")
        self.refused(uri, "IP address mismatch")
        self.refused(uri.replace("127.0.0.1", "localhost"), "hostname mismatch")
        self.refused(uri + "&sni=redis2.example", "hostname mismatch")
        self.replay(uri + "&sni=redis.example")
        self.assertEqual(self.n_flows(), N_FLOWS)

    def test_a_server_may_want_to_know_who_we_are(self):
        uri = self.serve(clients="yes")
        self.assertIn("redis at 127.0.0.1", self.replay(uri, status=1))
        self.replay(f"{uri}&cert={self.file('sensor.pem')}&key={self.file('sensor.key')}")
        self.assertEqual(self.n_flows(), N_FLOWS)

    @unittest.skipUnless(STUNNEL, "skipped: no stunnel4")
    def test_the_recipe_for_stunnel_leads_to_the_server_and_verifies_it(self):
        self.serve()
        for authority, status in (("ours", 0), ("theirs", 1)):
            port, = free_ports(1)
            config = self.file(f"stunnel-{authority}.conf")
            text = RECIPE.read_text()
            for old, new in (("redis.example:6379", f"localhost:{self.port}"),
                             ("redis.example", "localhost"),
                             ("127.0.0.1:6380", f"127.0.0.1:{port}"),
                             ("/etc/ssl/certs/ca-certificates.crt",
                              self.file(f"{authority}.pem"))):
                self.assertIn(old, text)
                text = text.replace(old, new)
            pathlib.Path(config).write_text(text)
            with subprocess.Popen([STUNNEL, config], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as stunnel:
                try:
                    wait_for(lambda: listens(port), "stunnel")  # pylint: disable=W0640
                    self.server.call("FLUSHALL")
                    self.replay(f"redis://127.0.0.1:{port}", status)
                finally:
                    stunnel.kill()
            self.assertEqual(self.n_flows(), 0 if status else N_FLOWS)

    def test_files_that_are_wrong_are_told_before_anything_else(self):
        self.port = 1
        for more, wrong in (("ca=/nonexistent", "/nonexistent"),
                            (f"cert={self.file('sensor.pem')}&key={self.file('server.key')}",
                             "server.key")):
            done = subprocess.run([SEGMON, "tail", "--redis", f"rediss://h?{more}"],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn(wrong, done.stderr)
            config = self.file("segmon.yaml")
            pathlib.Path(config).write_text(f'outputs: ["rediss://h?{more}"]\n')
            done = subprocess.run([SEGMON, "check", "--config", config],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(wrong, done.stdout + done.stderr)

    def test_a_server_without_tls_is_refused_in_time(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            begin = time.monotonic()
            uri = f"rediss://127.0.0.1:{silent.getsockname()[1]}"
            self.assertIn("no answer in time", self.replay(uri, status=1))
            self.assertLess(time.monotonic() - begin, 20)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER or not OPENSSL:
        print("skipped: no redis-server, or no openssl")
        sys.exit(77)
    unittest.main(verbosity=2)
