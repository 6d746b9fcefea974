#!/usr/bin/env python3
"""segmon doctor on real Redis servers: test_doctor_redis.py SEGMON [unittest options].

Each fault is made for real, and is to be found, and nothing else; where a command line
is said to put it right, it does.  Skipped without redis-server."""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import processes  # noqa: E402
from redis_server import SERVER, Server  # noqa: E402

SEGMON = None
SCHEMA = json.loads((ROOT / "tools/doctor/schema/segmon-doctor-1.0.json").read_text())
GOOD = {"appendonly": "yes", "maxmemory": "64mb", "maxmemory-policy": "noeviction",
        "enable-debug-command": "yes"}
FLOW = "segmon:{lab}:flow"


def documented_rights():
    """What segmon(1) says that a sensor needs."""
    page = (ROOT / "tools/segmon.1").read_text()
    words = re.search(r"^ACL SETUSER sensor (.*?)^\.Ed", page, re.MULTILINE | re.DOTALL)[1].split()
    return [word for word in words if word.startswith("+")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Doctor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, folder="server", **settings):
        """A server as it should be, but for these settings."""
        path = pathlib.Path(self.folder.name) / folder
        path.mkdir()
        words = [word for name, value in {**GOOD, **settings}.items()
                 for word in ("--" + name.replace("_", "-"), str(value))]
        self.server = Server(str(path), *words)
        self.addCleanup(self.server.kill)
        for _ in range(200):  # The socket is there a little before it is listened at.
            with contextlib.suppress(ConnectionRefusedError):
                self.server.call("PING")
                break
            time.sleep(0.025)
        return self.server

    def run_(self, *options, environment=None, uri=None):
        return subprocess.run(
            [SEGMON, "doctor", "--sensor", "lab", "-r", uri or self.server.uri, *options],
            capture_output=True, timeout=60, env={**os.environ, **(environment or {})})

    def examine(self, *options, **more):
        run = self.run_("--json", *options, **more)
        self.assertEqual(run.stderr, b"")
        document = json.loads(run.stdout)
        jsonschema.validate(document, SCHEMA)
        self.assertEqual(document["status"], run.returncode)
        return document

    def check(self, *codes, options=(), **more):
        """That these are found, and no others."""
        document = self.examine(*options, **more)
        found = {f["code"]: f for f in document["findings"] if f["area"] in ("redis", "sensor")}
        self.assertEqual(set(found), set(codes), json.dumps(found, indent=1))
        if not more:
            self.assertEqual(document["unexamined"], [])
        return [found[code] for code in codes]

    def fix(self, finding, environment=None):
        run = subprocess.run(["sh", "-c", finding["fix"]], capture_output=True, timeout=20,
                             env={**os.environ, **(environment or {})})
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotRegex(run.stdout, rb"^(ERR|NOPERM|NOAUTH)")

    def check_and_fix(self, code):
        (found,) = self.check(code)
        self.fix(found)
        self.check()
        return found


class Settings(Doctor):
    def test_that_are_good_have_no_findings(self):
        self.start()
        self.check()
        document = self.examine()
        (server,) = document["redis"]
        self.assertEqual((server["role"], server["max_bytes"]), ("master", 64 << 20))

    def test_that_evict_streams_are_critical(self):
        for policy in ("allkeys-lru", "allkeys-random"):
            self.start(policy, maxmemory_policy=policy)
            found = self.check_and_fix("D-REDIS-EVICTION")
            self.assertEqual(found["severity"], "critical")
            self.assertEqual(found["evidence"]["maxmemory_policy"], policy)

    def test_that_evict_states_are_not_good_either(self):
        self.start(maxmemory_policy="volatile-ttl")
        self.check_and_fix("D-REDIS-EVICTION-VOLATILE")

    def test_without_a_limit_are_found(self):
        self.start(maxmemory=0)
        self.check_and_fix("D-REDIS-UNBOUNDED")

    def test_with_a_limit_beyond_the_machine_are_found(self):
        self.start(maxmemory="900000gb")
        self.check_and_fix("D-REDIS-MAXMEMORY")

    def test_without_a_file_are_found(self):
        self.start(appendonly="no")
        self.check_and_fix("D-REDIS-VOLATILE")

    def test_with_snapshots_only_are_found(self):
        self.start(appendonly="no", save="3600 1")
        self.server.call("CONFIG", "SET", "save", "3600 1")
        self.check_and_fix("D-REDIS-SNAPSHOTS")

    def test_that_never_sync_are_found(self):
        self.start(appendfsync="no")
        self.check_and_fix("D-REDIS-FSYNC")

    def test_that_want_replicas_which_are_not_there_are_found(self):
        self.start(min_replicas_to_write=1)
        self.check_and_fix("D-REDIS-ALONE")

    def test_of_few_connections_are_found(self):
        self.start(maxclients=4)
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                connection = stack.enter_context(socket.socket(socket.AF_UNIX))
                connection.connect(self.server.path)
            self.check("D-REDIS-CLIENTS")


class State(Doctor):
    def test_full_is_critical(self):
        self.start(maxmemory="3mb")
        for i in range(4000):
            answer = self.server.call("XADD", FLOW, "*", "event", "x" * 1000)
            if answer.startswith(b"OOM"):
                break
        self.assertTrue(answer.startswith(b"OOM"))
        self.check_and_fix("D-REDIS-FULL")

    def test_filling_is_told_before(self):
        self.start()
        used = next(int(line.split(b":")[1]) for line in self.server.call("INFO").splitlines()
                    if line.startswith(b"used_memory:"))
        self.server.call("CONFIG", "SET", "maxmemory", used * 100 // 82)
        self.check_and_fix("D-REDIS-FILLING")

    def test_that_could_not_be_written_is_found(self):
        self.start()
        (pathlib.Path(self.folder.name) / "server/dump.rdb").mkdir()
        self.server.call("BGSAVE")
        for _ in range(100):
            if b"rdb_last_bgsave_status:err" in self.server.call("INFO", "persistence"):
                break
            time.sleep(0.1)
        (found,) = self.check("D-REDIS-WRITES")
        self.assertEqual(found["evidence"]["failed"], "rdb_last_bgsave_status")

    def test_of_a_replica_is_critical_and_the_master_is_named(self):
        self.start()
        self.server.call("REPLICAOF", "127.0.0.1", "1")
        (found,) = self.check("D-REDIS-REPLICA")
        self.assertEqual(found["fix"], "segmon run --redis redis://127.0.0.1:1")

    def test_busy_is_critical(self):
        self.start(busy_reply_threshold=50)
        loop = threading.Thread(target=self.server.call,
                                args=("EVAL", "while true do end", 0))
        loop.start()
        processes.wait_until(lambda: self.server.call("PING").startswith(b"BUSY"), "it is busy")
        try:
            (found,) = self.check("D-REDIS-REFUSES")
        finally:
            self.server.call("SCRIPT", "KILL")
            loop.join()
        self.assertIn("BUSY", found["evidence"]["reason"])
        self.check()

    def test_of_a_cluster_without_slots_is_critical(self):
        self.start(cluster_enabled="yes")
        (found,) = self.check("D-REDIS-REFUSES")
        self.assertIn("CLUSTERDOWN", found["evidence"]["reason"])

    def test_of_a_cluster_whose_other_node_has_the_keys_is_critical(self):
        nodes = []
        for i, slots in enumerate(((0, 8191), (8192, 16383))):
            port = free_port()
            node = self.start(f"node{i}", port=port, cluster_enabled="yes",
                              cluster_port=free_port())
            self.assertEqual(node.call("CLUSTER", "ADDSLOTSRANGE", *slots), b"OK")
            nodes.append((node, port))
        bus = nodes[1][0].call("CONFIG", "GET", "cluster-port")[1]
        nodes[0][0].call("CLUSTER", "MEET", "127.0.0.1", nodes[1][1], bus)
        for node, _ in nodes:
            for _ in range(200):
                if b"cluster_state:ok" in node.call("CLUSTER", "INFO"):
                    break
                time.sleep(0.1)
        owner = nodes[0][0].call("CLUSTER", "KEYSLOT", FLOW) // 8192
        self.server = nodes[owner][0]
        self.check()
        self.server = nodes[1 - owner][0]
        (found,) = self.check("D-REDIS-MOVED")
        self.assertIn("127.0.0.1:%d" % nodes[owner][1], found["evidence"]["reason"])

    def test_examined_is_not_changed(self):
        self.start()
        self.server.call("XADD", FLOW, "1-1", "event", "{}")
        self.server.call("XGROUP", "CREATE", FLOW, "readers", "0")
        before = self.server.call("DEBUG", "DIGEST")
        self.examine()
        self.assertEqual(self.server.call("DEBUG", "DIGEST"), before)
        self.assertEqual(self.server.call("DBSIZE"), 1)


class Connections(Doctor):
    def test_to_nobody_are_critical(self):
        self.start()
        self.server.kill()
        (found,) = self.check("D-REDIS-UNREACHABLE")
        self.assertTrue(found["evidence"]["reason"])

    def test_to_a_server_that_hangs_end(self):
        self.start()
        self.server.signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            self.check("D-REDIS-UNREACHABLE")
        finally:
            self.server.signal(signal.SIGCONT)
        self.assertLess(time.monotonic() - began, 30)

    def listen(self, answer, path=None):
        """Something else than Redis, at a socket."""
        path = path or os.path.join(self.folder.name, "other")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return "unix://" + path

    def test_to_something_else_are_critical(self):
        def answer(connection):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        (found,) = self.check("D-REDIS-UNREACHABLE", uri=self.listen(answer))
        self.assertIn("fix", found)

    def test_to_a_server_that_says_anything_are_survived(self):
        """Answers of every shape, full of what one would like to be told."""
        words = [b"+OK", b"+QUEUED", b":-1", b":9223372036854775807", b"$-1", b"*-1", b"*0",
                 b"-NOPERM no key", b"-ERR \x1b[31m", b"-MOVED 1 \xff:1", b"-OOM", b"-",
                 b"$4\r\nname", b"$3\r\nlag", b"$6\r\nlength", b"$7\r\npending", b"$4\r\nidle",
                 b"$9\r\nconsumers", b"$5\r\nphase", b"$15\r\ninterface.\x1b;'x!",
                 b"$31\r\nused_memory:18446744073709551615", b"$11\r\nmaxmemory:1",
                 b"$10\r\nrole:slave", b"$14\r\nredis_version:"]

        def anything(chance, depth=0):
            if depth < 3 and chance.random() < 0.5:
                parts = [anything(chance, depth + 1) for _ in range(chance.randrange(8))]
                return b"*%d\r\n" % len(parts) + b"".join(parts)
            return chance.choice(words) + b"\r\n"

        for seed in range(60):
            chance = random.Random(seed)

            def answer(connection, chance=chance):
                with contextlib.suppress(OSError), connection:
                    while data := connection.recv(65536):
                        connection.sendall(anything(chance) * data.count(b"*"))

            with self.subTest(seed):
                path = os.path.join(self.folder.name, f"other{seed}")
                run = self.run_("--json", uri=self.listen(answer, path))
                self.assertEqual(run.stderr, b"")
                self.assertIn(run.returncode, (0, 1, 4, 5))
                jsonschema.validate(json.loads(run.stdout), SCHEMA)
                text = self.run_(uri="unix://" + path)
                self.assertNotIn(b"\x1b", text.stdout)

    def test_that_are_slow_are_found(self):
        self.start()

        def delay(connection):
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(self.server.path)
                server.settimeout(0.05)
                while data := connection.recv(65536):
                    time.sleep(0.15)
                    server.sendall(data)
                    with contextlib.suppress(TimeoutError):
                        while answer := server.recv(65536):
                            connection.sendall(answer)

        (found,) = self.check("D-REDIS-SLOW", uri=self.listen(delay))
        self.assertGreaterEqual(found["evidence"]["answer_ms"], 150)

    def test_over_tcp_for_everybody_are_found(self):
        port = free_port()
        self.start(port=port)
        uri = f"redis://127.0.0.1:{port}"
        self.check("D-REDIS-OPEN", uri=uri)
        self.server.call("CONFIG", "SET", "requirepass", "secret")
        self.check(uri=f"redis://:secret@127.0.0.1:{port}")

    def test_without_the_password_are_critical(self):
        self.start(requirepass="right")
        for environment in ({}, {"SEGMON_REDIS_PASSWORD": "wrong"}):
            (found,) = self.check("D-REDIS-AUTH", environment=environment)
            self.assertNotIn("wrong", json.dumps(found))
        self.check(environment={"SEGMON_REDIS_PASSWORD": "right"})

    def test_say_nothing_of_passwords(self):
        self.start(requirepass="right")
        for option in ("--json", "--ignore=D-CLOCK-STEP"):
            run = self.run_(option, uri=self.server.uri.replace("//", "//:s3cr3t@"))
            self.assertNotIn(b"s3cr3t", run.stdout + run.stderr)


class Rights(Doctor):
    ADMIN = {"SEGMON_REDIS_PASSWORD": ""}

    def user(self, *rules):
        self.server.call("ACL", "SETUSER", "sensor", "reset", "on", ">pass", *rules)
        return self.server.uri.replace("//", "//sensor:pass@")

    def examined(self, uri):
        document = self.examine(uri=uri)
        return document, {f["code"]: f for f in document["findings"] if f["area"] in ("redis", "sensor")}

    def test_that_the_manual_asks_for_suffice(self):
        self.start()
        document, found = self.examined(self.user("~segmon:*", *documented_rights()))
        self.assertEqual(found, {})
        # It may not ask for the rest, which is told rather than taken for good.
        self.assertFalse(document["complete"])
        self.assertIn(document["status"], (1, 5))
        self.assertIn("INFO", document["unexamined"][0]["reason"])

    def test_of_everything_are_enough(self):
        self.start()
        document, found = self.examined(self.user("~*", "+@all"))
        self.assertEqual((found, document["complete"]), ({}, True))

    def test_that_are_missing_are_found_one_by_one_and_can_be_given(self):
        self.start()
        for right in documented_rights():
            if right == "+select":
                continue  # For database 0 there is no need.
            with self.subTest(right):
                others = [other for other in documented_rights() if other != right]
                uri = self.user("~segmon:*", *others)
                found = self.examined(uri)[1]
                self.assertEqual(set(found), {"D-REDIS-RIGHTS"})
                self.assertIn(right, found["D-REDIS-RIGHTS"]["fix"])
                self.fix(found["D-REDIS-RIGHTS"])
                self.assertEqual(self.examined(uri)[1], {})

    def test_to_other_keys_only_are_found(self):
        self.start()
        uri = self.user("~other:*", *documented_rights())
        found = self.examined(uri)[1]
        self.assertEqual(set(found), {"D-REDIS-RIGHTS"})
        self.assertEqual(found["D-REDIS-RIGHTS"]["evidence"]["keys"], "not permitted")
        self.fix(found["D-REDIS-RIGHTS"])
        self.assertEqual(self.examined(uri)[1], {})


class Streams(Doctor):
    def fill(self, n, group="readers", read=0, consumer="one"):
        self.server.call("EVAL", "for i = 1, ARGV[1] do "
                         "redis.call('XADD', KEYS[1], '*', 'event', '{}') end return 1", 1, FLOW, n)
        self.server.call("XGROUP", "CREATE", FLOW, group, "0")
        if read:
            self.read(read, group, consumer)

    def read(self, n, group="readers", consumer="one", *more):
        return self.server.call("XREADGROUP", "GROUP", group, consumer, "COUNT", n, *more,
                                "STREAMS", FLOW, ">")

    def test_that_are_read_are_fine(self):
        self.start()
        self.fill(50, read=50)
        self.check()

    def test_trimmed_before_they_were_read_are_critical(self):
        self.start()
        self.fill(30, read=5)
        self.server.call("XTRIM", FLOW, "MAXLEN", 3)
        (found,) = self.check("D-REDIS-TRIMMED")
        self.assertEqual(found["evidence"]["lost"], 22)

    def test_trimmed_after_they_were_read_are_fine(self):
        self.start()
        self.fill(30, read=28)
        self.server.call("XTRIM", FLOW, "MAXLEN", 3)
        self.check()

    def test_deleted_one_by_one_are_not_taken_for_trimmed(self):
        self.start()
        self.fill(30, read=5)
        entries = [name for name, _ in self.server.call("XRANGE", FLOW, "-", "+")]
        self.server.call("XDEL", FLOW, *entries[5:28])
        self.check()

    def test_that_nobody_reads_are_found(self):
        self.start()
        self.fill(30)
        (found,) = self.check("D-REDIS-UNREAD")
        self.assertEqual(found["evidence"], {"lag": 30, "length": 30, "consumers": 0})
        self.read(1)
        self.check()
        time.sleep(1.1)
        self.check("D-REDIS-UNREAD", "D-REDIS-STUCK", options=("--idle", "1"))

    def test_that_are_read_too_slowly_are_found(self):
        self.start()
        self.fill(12000, read=100)
        (found,) = self.check("D-REDIS-LAG")
        self.assertEqual(found["evidence"]["lag"], 11900)

    def test_of_a_reader_that_died_are_found_and_can_be_claimed(self):
        self.start()
        self.fill(30, read=10)
        time.sleep(1.1)
        self.read(20, "readers", "two", "NOACK")
        (found,) = self.check("D-REDIS-STUCK", options=("--idle", "1"))
        self.assertEqual((found["evidence"]["stuck"], found["evidence"]["consumer"]), (10, "one"))
        self.fix(found)
        self.check(options=("--idle", "1"))

    def test_that_are_none_are_found(self):
        self.start()
        self.server.call("SET", FLOW, "something")
        self.check_and_fix("D-REDIS-TYPE")
        self.assertEqual(self.server.call("GET", FLOW + ":old"), b"something")

    def test_of_groups_with_hostile_names_disturb_nothing(self):
        self.start()
        name = "a\x1b[31m'; touch hostile; \u202e"
        self.fill(5, group=name)
        (found,) = self.check("D-REDIS-UNREAD")
        self.assertIn(name, found["what"])
        run = subprocess.run(["sh", "-c", found["fix"]], cwd=self.folder.name, capture_output=True)
        self.assertEqual(run.stdout.strip(), b"")
        self.assertFalse((pathlib.Path(self.folder.name) / "hostile").exists())
        for byte in (b"\x1b", "\u202e".encode()):
            self.assertNotIn(byte, self.run_().stdout)

    def test_of_more_groups_than_are_looked_at_are_told(self):
        self.start()
        self.fill(1, read=1)
        for i in range(64):
            self.server.call("XGROUP", "CREATE", FLOW, f"group{i}", "$")
        document = self.examine()
        self.assertIn("more groups", document["unexamined"][0]["reason"])


class Sensor(Doctor):
    """By the state that redis_state.h describes; test_doctor.py has a real one."""

    def tell(self, **fields):
        state = {"phase": "running", "frames": 100000, "workers": 2, "flows.capacity": 1000,
                 "flows.active": 990, "emergency": 0, "lost.device": 0, "lost.kernel": 99,
                 "lost.events": 0, "events.acked": 7, "interface.eth1": "capturing 1 2 3 4",
                 **{name.replace("_", "."): value for name, value in fields.items()}}
        self.server.call("DEL", "segmon:{lab}:state")
        self.server.call("HSET", "segmon:{lab}:state",
                         *[word for item in state.items() for word in item])

    def test_that_runs_well_has_no_findings(self):
        self.start()
        self.tell()
        self.check()

    def test_that_nobody_knows_has_none_either(self):
        self.start()
        self.server.call("HSET", "segmon:sensors", "other", "66fd0a2c")
        self.check()

    def test_that_is_silent_is_critical(self):
        self.start()
        self.server.call("HSET", "segmon:sensors", "lab", "66fd0a2c")
        self.check("D-SENSOR-SILENT")

    def test_that_is_blind_is_critical(self):
        self.start()
        for state in ("down", "lost"):
            self.tell(interface_eth2=f"{state} 1 2 3 4")
            (found,) = self.check("D-SENSOR-BLIND")
            self.assertEqual(found["evidence"], {"state": state})
            self.assertEqual(found["fix"], "segmon doctor --interface eth2")

    def test_that_loses_something_is_found(self):
        self.start()
        for field, code in (("lost_kernel", "D-SENSOR-DROPS"), ("lost_device", "D-SENSOR-DROPS"),
                            ("lost_events", "D-SENSOR-EVENTS"),
                            ("emergency", "D-SENSOR-EMERGENCY")):
            self.tell(**{field: 1000})
            self.check(code)

    def test_that_has_ended_is_left_in_peace(self):
        self.start()
        self.tell(phase="ended", lost_events=5)
        self.check()


class Configuration(Doctor):
    def write(self, text):
        path = pathlib.Path(self.folder.name) / "segmon.yaml"
        path.write_text(text)
        return str(path)

    def doctor(self, *options):
        return subprocess.run([SEGMON, "doctor", "--json", *options], capture_output=True,
                              timeout=60)

    def test_says_which_servers_and_files_to_look_at(self):
        self.start(requirepass="right")
        secret = pathlib.Path(self.folder.name) / "password"
        secret.write_text("right\n")
        secret.chmod(0o600)
        path = self.write(f"""\
sensor: lab
outputs:
  - redis: {self.server.uri}
    password_file: {secret}
  - file: {self.folder.name}/no/such/events.ndjson
""")
        run = self.doctor("-C", path)
        self.assertEqual(run.stderr, b"")
        document = json.loads(run.stdout)
        self.assertEqual(document["redis"][0]["role"], "master")
        codes = {f["code"] for f in document["findings"] if f["area"] != "clock"}
        self.assertEqual(codes, {"D-HOST-OUTPUT"})

    def test_with_mistakes_is_told(self):
        run = self.doctor("-C", self.write("sensr: lab\n"))
        self.assertEqual((run.returncode, run.stdout), (2, b""))
        self.assertIn(b"segmon.yaml:1:1", run.stderr)

    def test_is_less_than_the_command_line(self):
        self.start()
        path = self.write("capture: {interfaces: [nosuch0]}\n"
                          "outputs: [{redis: 'redis://127.0.0.1:1'}]\n")
        document = json.loads(self.doctor("-C", path, "-r", self.server.uri).stdout)
        self.assertEqual([one["reached"] for one in document["redis"]], [True])
        self.assertIn("D-LINK-MISSING", {found["code"] for found in document["findings"]})

    def test_of_wrong_uris_is_a_mistake_of_usage(self):
        for uri in ("redis://", "http://localhost", "redis://host:x"):
            run = self.doctor("-r", uri)
            self.assertEqual((run.returncode, run.stdout), (2, b""))


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    if not SERVER or not shutil.which("redis-cli"):
        print("test_doctor_redis.py: skipped: no redis-server, or no redis-cli")
        sys.exit(77)
    unittest.main(verbosity=2)
