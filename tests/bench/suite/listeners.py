"""Who is measured on a wire: segmon as a sensor runs it, and other programs that make
flows of what comes by on an interface.  Each tells what it saw and what it lost."""
import json
import os
import re
import shutil
import signal
import subprocess

from suite import policies, programs

BUFFER = 64 << 20  # Of the kernel's ring, where a program lets us say.
SURICATA = programs.SURICATA + """\
af-packet:
  - {interface: INTERFACE, threads: 1, cluster-id: 7, cluster-type: cluster_flow, defrag: no,
     tpacket-v3: yes, block-size: 1048576, ring-size: 60000}
"""


class Listener:
    """One way to run one program.  'out' is a fresh folder for what it writes, 'said'
    what it wrote to its standard outputs."""
    stop = signal.SIGTERM
    ready_when = None  # In 'said'; None: a second and a half are enough.
    TURN = 3600  # Seconds between two calls of turn().

    def __init__(self, name, note):
        self.name, self.note = name, note

    def command(self, interface, out):
        raise NotImplementedError

    def prepare(self, out):
        """Before it starts."""

    def turn(self, process):
        """Again and again while frames are sent."""

    def ask(self, out):
        """Before it is stopped."""

    def told(self, out, said):
        """Frames it saw, and frames it says were lost before it saw them."""
        raise NotImplementedError

    def close(self):
        """After it has stopped and has told."""


class Idle(Listener):
    """Nobody captures: how fast frames can be sent at all."""

    def command(self, interface, out):
        return ["sleep", "600"]

    def told(self, out, said):
        return 0, None


class Segmon(Listener):
    ready_when = ": capturing"

    def __init__(self, tools, name, note, options, servers=None):
        super().__init__(name, note)
        self.segmon, self.options, self.servers = tools.segmon, options, servers
        self.server = None

    def prepare(self, out):
        if self.servers:
            self.server = self.servers.Server(str(out))

    def command(self, interface, out):
        output = (["-r", self.server.uri] if self.server
                  else ["-o", out / "events.ndjson", "-e", "status"])
        return [self.segmon, "run", "-i", interface, "--sensor", "bench", *self.options, *output]

    def last_status(self, out):
        if not self.server:
            return programs.status(out / "events.ndjson")
        reply = self.server.call("XREVRANGE", "segmon:{bench}:status", "+", "-", "COUNT", "1")
        words = reply[0][1]
        return json.loads(dict(zip(words[::2], words[1::2]))[b"event"])["segmon"]["status"]

    def told(self, out, said):
        status = self.last_status(out)
        workers = status["interfaces"][0]["workers"]
        return (status["capture"]["frames"],
                sum(worker["kernel_drops"] + worker["unread"] for worker in workers))

    def close(self):
        if self.server:
            self.server.kill()
            self.server = None


class NdpiReader(Listener):
    stop = signal.SIGINT

    def command(self, interface, out):
        return ["ndpiReader", "-i", interface, "-C", out / "flows.csv"]

    def told(self, out, said):
        found = re.search(r"of (\d+) packets total", said)
        return int(found.group(1)), None


class Softflowd(Listener):
    def command(self, interface, out):
        return ["softflowd", "-d", "-6", "-i", interface, "-m", programs.MANY_FLOWS,
                "-B", BUFFER, "-c", out / "control", "-p", out / "pid"]

    def ask(self, out):
        self.statistics = subprocess.run(
            ["softflowctl", "-c", out / "control", "statistics"],
            check=True, capture_output=True, text=True, timeout=60).stdout

    def told(self, out, said):
        received, dropped = (
            int(re.search(rf"Packets {what} by libpcap: (\d+)", self.statistics).group(1))
            for what in ("received", "dropped"))
        return received - dropped, dropped


class Suricata(Listener):
    ready_when = "Engine started"

    def command(self, interface, out):
        (out / "suricata.yaml").write_text(SURICATA.replace("INTERFACE", interface))
        return ["suricata", "-c", out / "suricata.yaml", "-S", "/dev/null", "-k", "none",
                "--runmode", "workers", "-l", out, f"--af-packet={interface}"]

    def told(self, out, said):
        packets, dropped = map(int, re.search(r"packets: (\d+), drops: (\d+)", said).groups())
        return packets - dropped, dropped


def find(tools, servers, only):
    """In the order of the table: those asked for that this machine has."""
    enterprise = ["-p", policies.ENTERPRISE]
    known = [
        Segmon(tools, "segmon", "applications, the enterprise's policy, all events into a "
               "private Redis", enterprise, servers),
        Segmon(tools, "segmon, 2 workers", "the same on two cores",
               [*enterprise, "-w", "2"], servers),
        Segmon(tools, "segmon, no DPI", "no applications, status events only",
               [*enterprise, "--no-dpi"]),
    ]
    known += [listener for command, listener in (
        ("softflowd", Softflowd("softflowd", "flows, exported nowhere")),
        ("ndpiReader", NdpiReader("ndpiReader", "nDPI's own: applications, flows as CSV; "
                                  "libpcap's small buffer, which it lets nobody change")),
        ("suricata", Suricata("suricata", "flows and applications as JSON; no signatures")),
    ) if shutil.which(command)]
    return [listener for listener in known
            if not only or any(text in listener.name for text in only.split(","))]


def processor_seconds(pid):
    """Of a process, by now."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")")[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
