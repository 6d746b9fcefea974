"""What segmon shall reach beside the others, and what it did in this run.  A goal
whose programs or counts are missing is left open, never passed over."""
import re
import subprocess

from suite import alone

FULL, SILENT, NO_DPI = "segmon", "segmon, no output", "segmon, no DPI"
NO_POLICY, MANY, REDIS = "segmon, no policy", "segmon, 1000 rules", "segmon, Redis"


class Figures:
    """What was measured, by program and capture; a KeyError where it was not."""

    def __init__(self, known, made, results, counts):
        self.results, self.counts = results, counts
        self.peers = [program for program in known if program.peer]
        self.flows = {capture.name: capture.flows for capture in made}
        self.known = {program.name: program for program in known}

    def cpu(self, program, capture):
        return self.results[program, capture].seconds

    def ratio(self, field, capture, program, other):
        return (getattr(self.results[program, capture], field)
                / getattr(self.results[other, capture], field))

    def running(self, program, capture):
        """CPU seconds, starting left out: a policy is read once, not by packet."""
        return self.cpu(program, capture) - self.cpu(program, "empty")

    def counted(self, capture, program, other):
        return self.counts[program, capture] / self.counts[other, capture]

    def share(self, whole, part):
        """Of the CPU time on the mix: what 'whole' costs more than 'part'."""
        return 1 - self.cpu(part, "mix") / self.cpu(whole, "mix")

    def bytes_a_flow(self, program, capture="idle"):
        """At the most; the memory before the first flow is no flow's, unless it was
        set aside for them."""
        peak = self.results[program, capture].peak_kib
        if not self.known[program].preallocates:
            peak -= self.results[program, "empty"].peak_kib
        return round(peak * 1024 / self.flows[capture])


def table(figures, tools):
    lines = ["## Goals", "", "| goal | limit | measured | reached |", "|---|---:|---:|---|"]
    for text, limit, measure in [*goals(figures), *memory_goals(figures)]:
        try:
            value = measure()
        except KeyError:
            lines.append(f"| {text} | {limit} | not measured | - |")
            continue
        shown = f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
        lines.append(f"| {text} | {limit} | {shown} | {answer(value, limit)} |")
    return "\n".join([*lines, "", f"JSON alone, on one core (`bench_json`): "
                      f"{events_per_second(tools):,} events/s.", *floors(figures), ""])


def floors(figures):
    """How much of the time on the mix no goal can do without."""
    lines = ["", "| no less than | is of the CPU time of | so much |", "|---|---|---:|"]
    for part, whole in ((alone.READING, "softflowd"), (alone.READING, "argus"),
                        (alone.READING, NO_DPI), (alone.WRITING, FULL),
                        (alone.SENDING, REDIS)):
        if (part, "mix") in figures.results and (whole, "mix") in figures.results:
            share = figures.ratio("seconds", "mix", part, whole)
            lines.append(f"| {part} | {whole} | {share:.2f} |")
    return lines


def answer(value, limit):
    sign, bound = limit.split()
    bound = float(bound.replace(",", ""))
    reached = value >= bound if sign == "≥" else value < bound if sign == "<" else value <= bound
    return "yes" if reached else "**no**"


def goals(f):
    """(what, limit, how it is computed)"""
    def cpu(capture, other, program=FULL):
        return lambda: f.ratio("seconds", capture, program, other)

    def counted(capture, other, program=FULL):
        return lambda: f.counted(capture, program, other)

    yield "mix: CPU / ndpiReader's", "≤ 0.25", cpu("mix", "ndpiReader")
    yield "mix: instructions / ndpiReader's", "≤ 0.50", counted("mix", "ndpiReader")
    yield "flows: CPU / ndpiReader's", "≤ 0.25", cpu("flows", "ndpiReader")
    yield "flows: evicted", "≤ 0", lambda: f.results[FULL, "flows"].evicted
    yield "flows: peak memory / ndpiReader's", "≤ 0.25", (
        lambda: f.ratio("peak_kib", "flows", FULL, "ndpiReader"))
    yield "elephant: CPU / ndpiReader's", "≤ 0.55", cpu("elephant", "ndpiReader")
    yield "elephant: instructions / ndpiReader's", "≤ 0.25", counted("elephant", "ndpiReader")
    yield "mix: CPU / suricata's", "≤ 0.40", cpu("mix", "suricata")
    for capture, limit in (("mix", "≤ 0.35"), ("flows", "≤ 0.20")):
        for peer in ("softflowd", "argus"):
            yield f"{capture}, no DPI: CPU / {peer}'s", limit, cpu(capture, peer, NO_DPI)
    for what, other in (("no policy", NO_POLICY), ("the enterprise's alone", SILENT)):
        yield f"mix: running CPU, 1000 rules more / {what}", "≤ 1.05", (
            lambda other=other: f.running(MANY, "mix") / f.running(other, "mix"))
        yield f"mix: instructions, 1000 rules more / {what}", "≤ 1.05", counted(
            "mix", other, MANY)
    yield "mix: CPU for NDJSON", "≤ 0.10", lambda: f.share(FULL, SILENT)
    yield "mix: instructions for NDJSON", "≤ 0.10", (
        lambda: 1 - f.counted("mix", SILENT, FULL))
    yield "mix: CPU for Redis", "≤ 0.10", lambda: f.share(REDIS, SILENT)
    for capture in ("mix", "flows"):
        yield f"{capture}: two workers, times as fast", "≥ 1.7", (
            lambda capture=capture: f.ratio("wall", capture, FULL, "segmon, 2 workers"))


def memory_goals(f):
    yield "idle: bytes a decided flow", "≤ 256", lambda: f.bytes_a_flow(FULL)
    for program in (FULL, NO_DPI):
        for peer in f.peers:
            if (program, "idle") in f.results and (peer.name, "idle") in f.results:
                yield (f"idle: bytes a flow, {program} / {peer.name}",
                       f"< {f.bytes_a_flow(peer.name):,}",
                       lambda program=program: f.bytes_a_flow(program))


def events_per_second(tools):
    said = subprocess.run([tools.bench_json], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"(\d+) events/s", said).group(1))
