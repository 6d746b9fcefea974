"""What nobody can do without: reading the mix, and writing as much as segmon writes of
it, each by a program that does nothing else."""
import shutil
import subprocess

from suite import policies, programs, redis_server

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


class Sending(Alone):
    def __init__(self, tools, name, note, server):
        super().__init__(tools, name, note)
        self.server, self.start, self.stop = server, server.start, server.stop

    def command(self, capture, out):
        self.server.ask("FLUSHALL")
        return [self.tools.alone, "redis", *self.lines(capture, out), str(self.server.port)]

    def rows(self, out):
        return int(self.server.ask("XLEN", "alone")[1:])


def find(tools, folder, only):
    known = [Reading(tools, READING, "the capture read with libpcap"),
             Writing(tools, WRITING, "as many lines of as many bytes as segmon writes")]
    if shutil.which("redis-server"):
        known.append(Sending(tools, SENDING, "the same lines into a stream, with hiredis; "
                             "the server's own time is not counted",
                             redis_server.Server(folder)))
    return [program for program in known
            if not only or any(text in program.name for text in only.split(","))]
