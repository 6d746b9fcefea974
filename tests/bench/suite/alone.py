"""What nobody can do without: reading the mix, and writing as much as segmon writes of
it, each by a program that does nothing else."""
import subprocess

import redis_server

from suite import policies, programs

READING, WRITING, SENDING = "reading alone", "writing alone", "Redis alone"


class Alone(programs.Program):
    peer = counted = False

    def __init__(self, tools, name, note):
        super().__init__(name, note)
        self.tools = tools

    def measured_on(self, capture):
        return capture.name == "mix"

    def lines(self, capture, out):
        """Of segmon's events: how many, and how many bytes each, as arguments."""
        events = out / "events.ndjson"
        segmon = programs.Segmon(self.tools, "", "", ["-p", policies.ENTERPRISE])
        subprocess.run(segmon.command(capture, out), check=True)
        n_lines, n_bytes = programs.lines(events), events.stat().st_size
        events.unlink()
        return str(n_lines), str(n_bytes // n_lines)


class Reading(Alone):
    def command(self, capture, out):
        return [self.tools.alone, "read", capture]


class Writing(Alone):
    def command(self, capture, out):
        return [self.tools.alone, "file", *self.lines(capture, out), out / "lines"]

    def rows(self, out):
        return programs.lines(out / "lines")


class Sending(programs.Server, Alone):
    def command(self, capture, out):
        self.server.call("FLUSHALL")
        return [self.tools.alone, "redis", *self.lines(capture, out), str(self.port)]

    def rows(self, out):
        return self.server.call("XLEN", "alone")


def find(tools, only):
    known = [Reading(tools, READING, "the capture read with libpcap"),
             Writing(tools, WRITING, "as many lines of as many bytes as segmon writes")]
    if redis_server.SERVER:
        known.append(Sending(tools, SENDING, "the same lines into a stream, with hiredis; "
                             "the server's own time is not counted"))
    return [program for program in known
            if not only or any(text in program.name for text in only.split(","))]
