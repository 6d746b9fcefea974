"""Who is measured: segmon in several configurations, and other programs that make
flows of packets, each told to write its flows to a file where it can."""
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile

import redis_server

from suite import policies

N_RULES = 1000
MANY_FLOWS = "4000000"  # What a program must be told to keep them all.
SURICATA = """\
%YAML 1.1
---
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [flow]}
flow: {memcap: 8gb}
stream: {memcap: 8gb, reassembly: {memcap: 8gb}}
app-layer: {protocols: {tls: {enabled: yes}, pgsql: {enabled: no}}}
classification-file: /dev/null
reference-config-file: /dev/null
"""


class Tools:
    """What the build made."""

    def __init__(self, build):
        self.build = build
        self.segmon = build / "tools/segmon"
        self.generate = build / "tests/bench/generate"
        self.measure = build / "tests/bench/measure"
        self.crowd = build / "tests/bench/crowd"
        self.alone = build / "tests/bench/alone"
        self.bench_json = build / "tests/bench/bench_json"
        for path in (self.segmon, self.generate, self.measure, self.crowd, self.alone,
                     self.bench_json):
            if not path.exists():
                sys.exit(f"run: {path} is missing: build first, or name the folder (--build)")

    def cache(self, key):
        text = (self.build / "CMakeCache.txt").read_text()
        found = re.search(rf"^{key}:[A-Z]+=(.*)$", text, re.MULTILINE)
        return found.group(1) if found else ""


def lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def status(path):
    """Of segmon's last event: what it read, counted and lost."""
    with open(path, "rb") as file:
        file.seek(-min(path.stat().st_size, 1 << 16), 2)
        return json.loads(file.read().splitlines()[-1])["segmon"]["status"]


class Program:
    """One way to run one program; 'out' is a fresh folder for what it writes."""
    peer = True
    counted = True  # By callgrind, too, with
    for_valgrind = []  # these options.
    threads = 1
    preallocates = False  # Its memory, when it starts.

    def __init__(self, name, note):
        self.name, self.note = name, note

    def command(self, capture, out):
        raise NotImplementedError

    def measured_on(self, capture):
        return True

    def rows(self, out):
        """Flows (and other events) written; None: it writes none."""
        return None

    def evicted(self, out):
        """Flows that had to go early; None: it does not say."""
        return None

    def version(self):
        return ""

    def start(self):
        """Before the first run."""

    def stop(self):
        """After the last."""


class Segmon(Program):
    peer = False
    for_valgrind = ["--no-sandbox"]

    def __init__(self, tools, name, note, options, writes=True):
        super().__init__(name, note)
        self.segmon, self.options, self.writes = tools.segmon, options, writes

    def command(self, capture, out):
        output = ["-o", out / "events.ndjson"] if self.writes else []
        return [self.segmon, "replay", "-q", *self.options, *output, capture]

    def rows(self, out):
        return lines(out / "events.ndjson") if self.writes else None

    def evicted(self, out):
        return status(out / "events.ndjson")["flows"]["evicted"] if self.writes else None


class SegmonVariant(Segmon):
    """What a part of the work costs."""

    def measured_on(self, capture):
        return capture.name != "idle"


class SegmonWorkers(SegmonVariant):
    counted = False  # Who waits for whom decides.
    threads = 2


class Server:
    """A private Redis on the loopback, there as long as programs are run; its own time
    is not counted."""
    server = None

    def start(self):
        self.home = tempfile.TemporaryDirectory(prefix="segmon-bench-")
        self.port, = redis_server.free_ports(1)
        self.server = redis_server.Server(self.home.name, "--bind", "127.0.0.1",
                                          "--port", str(self.port))

    def stop(self):
        if self.server:
            self.server.kill()
            self.home.cleanup()


class SegmonRedis(Server, SegmonVariant):
    counted = False

    def __init__(self, tools):
        super().__init__(tools, "segmon, Redis", "as segmon, into streams of a private server, "
                         "whose own time is not counted", ["-p", policies.ENTERPRISE],
                         writes=False)

    def command(self, capture, out):
        self.server.call("FLUSHALL")
        return [*super().command(capture, out), "-r", f"redis://127.0.0.1:{self.port}"]

    def rows(self, out):
        return sum(self.server.call("XLEN", f"segmon:{{lab}}:{kind}")
                   for kind in ("flow", "violation", "status"))


class NdpiReader(Program):
    def command(self, capture, out):
        return ["ndpiReader", "-q", "-i", capture, "-C", out / "flows.csv"]

    def rows(self, out):
        return lines(out / "flows.csv") - 1

    def version(self):
        return said("ndpiReader -h", r"nDPI ([\w.-]+)")


class Softflowd(Program):
    def command(self, capture, out):
        return ["softflowd", "-d", "-6", "-m", MANY_FLOWS, "-c", "none", "-p", out / "pid",
                "-r", capture]

    def version(self):
        return said("softflowd -h", r"version ([\d.]+\d)")


class Argus(Program):
    def command(self, capture, out):
        return ["argus", "-X", "-r", capture, "-w", out / "flows.argus"]

    def rows(self, out):
        if not shutil.which("ra"):
            return None
        shown = subprocess.run(["ra", "-X", "-n", "-r", out / "flows.argus", "-s", "proto",
                                "-L", "-1", "--", "not", "man"], capture_output=True)
        return shown.stdout.count(b"\n")

    def version(self):
        return said("argus -h", r"Version ([\w.]+)")


class Nfpcapd(Program):
    threads = 2
    preallocates = True

    def command(self, capture, out):
        return ["nfpcapd", "-r", capture, "-w", out]

    def rows(self, out):
        shown = subprocess.run(["nfdump", "-R", out, "-q", "-o", "fmt:%pr"], capture_output=True)
        return shown.stdout.count(b"\n")

    def version(self):
        return said("nfdump -V", r"([\d.]+\d)")


class Suricata(Program):
    counted = False  # Its housekeeping threads work by the clock.
    threads = 3

    def command(self, capture, out):
        (out / "suricata.yaml").write_text(SURICATA)
        return ["suricata", "-c", out / "suricata.yaml", "-S", "/dev/null", "-k", "none",
                "--runmode", "single", "-l", out, "-r", capture]

    def rows(self, out):
        return lines(out / "eve.json")

    def version(self):
        return said("suricata -V", r"version ([\w.]+)")


PEERS = (
    NdpiReader("ndpiReader", "nDPI's own: applications, flows as CSV"),
    Softflowd("softflowd", "flows, exported nowhere"),
    Argus("argus", "flows both ways, written as argus records"),
    Nfpcapd("nfpcapd", "flows one way, written for nfdump"),
    Suricata("suricata", "flows and applications as JSON; no signatures"),
)


def said(command, pattern):
    shown = subprocess.run(command.split(), capture_output=True, text=True)
    found = re.search(pattern, shown.stdout + shown.stderr)
    return found.group(1) if found else "?"


def find(tools, folder, only, with_peers):
    """In the order of the table: those asked for that this machine has."""
    enterprise = ["-p", policies.ENTERPRISE]
    many_rules = policies.with_rules(N_RULES, folder)
    known = [
        Segmon(tools, "segmon", "applications, the enterprise's policy, events as NDJSON",
               enterprise),
        SegmonVariant(tools, "segmon, no output", "the same, nothing written", enterprise,
                      writes=False),
        SegmonVariant(tools, "segmon, no policy", "nothing judged, nothing written", [],
                      writes=False),
        SegmonVariant(tools, "segmon, 1000 rules", "nothing written; a policy with 1000 rules "
                      "more, which are looked at and change no verdict", ["-p", many_rules],
                      writes=False),
        Segmon(tools, "segmon, no DPI", "as segmon, without applications",
               [*enterprise, "--no-dpi"]),
        SegmonWorkers(tools, "segmon, 2 workers", "as segmon, on two cores",
                      [*enterprise, "--workers", "2"]),
    ]
    if redis_server.SERVER:
        known.append(SegmonRedis(tools))
    if with_peers:
        known += [peer for peer in PEERS if shutil.which(peer.name)]
        missing = [peer.name for peer in PEERS if not shutil.which(peer.name)]
        if missing:
            print(f"run: not installed: {', '.join(missing)} (tests/bench/packages.txt)",
                  file=sys.stderr)
    return [program for program in known
            if not only or any(text in program.name for text in only.split(","))]


@contextlib.contextmanager
def running(known):
    with contextlib.ExitStack() as stack:
        for program in known:
            stack.callback(program.stop)
            program.start()
        yield
