"""How segmon's cost grows with what it is given.  A curve is a table, and plots of
some of its columns over the first one."""
import dataclasses
import functools
import shutil
import sys

from suite import captures, crowds, policies

SEGMENTS = 16  # Where something else is varied.
SIZES = (64, 128, 256, 512, 1024, 1514, 9014)  # Of frames.
MOST_FILE_BYTES = 500_000_000
MOST_COUNTED_FLOWS = 100_000
KIB = 1024
MB = 1e6


@dataclasses.dataclass
class Plot:
    name: str
    x: str
    y: str
    lines: tuple  # Of (what, column).
    log_x: bool = True


@dataclasses.dataclass
class Curve:
    title: str
    text: str
    columns: tuple
    rows: list  # None: not measured.
    plots: tuple
    shown: frozenset = frozenset()  # Of the first column, in the table; none: all.


def progress(text):
    print(f"curves: {text}", file=sys.stderr)


def median(n, run):
    return sorted((run() for _ in range(n)), key=lambda cost: cost.seconds)[n // 2]


@functools.cache
def once(tools, folder, options, crowd):
    """The largest runs are parts of two curves."""
    return crowds.replay(tools, folder, options, crowd=crowd)


def counting():
    return shutil.which("valgrind") is not None


def of_flows(tools, folder, largest):
    rows, flows = [], 10_000
    while flows <= largest:
        rows.append([flows, *flows_cells(tools, folder, flows, []),
                     *flows_cells(tools, folder, flows, ["--no-dpi"])])
        flows *= 10
    columns = ("ns/new", "ns/packet", "instr./new", "instr./packet", "peak MB", "B/flow")
    return Curve(
        "Flows alive",
        "Half of the flows are a question of DNS and its answer, half a SYN without one. "
        "*New* is what a flow costs once: opened, judged, ended, written. *Packet* is one "
        "more packet of a live flow, in another order than they came. What a packet needs "
        "in instructions does not change; in time it does, by what lies in memory and no "
        "longer in the processor's caches. Where there are few flows, most of the memory is "
        "buffers that do not grow.",
        ("flows", *columns, *(f"no DPI: {column}" for column in columns)), rows,
        (Plot("flows-time", "flows alive", "CPU ns",
              (("new flow", 1), ("packet", 2), ("new flow, no DPI", 7), ("packet, no DPI", 8))),
         Plot("flows-memory", "flows alive", "bytes per flow", (("DPI", 6), ("no DPI", 12)))))


def room_for(flows):
    """So many that the table is not nearly full: attempts are told one by one."""
    return "--max-flows", str(flows * 5 // 4)


def flows_cells(tools, folder, flows, options):
    """From two runs, which differ by 'rounds' packets of each flow."""
    progress(f"{flows:,} flows {' '.join(options)}")
    options = ("-p", policies.with_segments(SEGMENTS, folder), *room_for(flows), *options)
    rounds, repeats = max(1, 3_000_000 // flows), 3 if flows <= 100_000 else 1
    nothing = captures.make_empty(folder).path
    start = crowds.replay(tools, folder, options, nothing)
    short = once(tools, folder, options, (str(flows),))
    if repeats > 1:
        short = median(repeats, lambda: crowds.replay(tools, folder, options, crowd=[str(flows)]))
    long = median(repeats, lambda: crowds.replay(tools, folder, options,
                                                 crowd=["-r", str(rounds), str(flows)]))
    new = packet = None
    if counting() and flows <= MOST_COUNTED_FLOWS:
        counts = [crowds.count(tools, options, nothing),
                  *(crowds.count(tools, options, crowd=["-r", n, str(flows)]) for n in "02")]
        new, packet = (counts[1] - counts[0]) / flows, (counts[2] - counts[1]) / flows / 2
    return [(short.seconds - start.seconds) / flows * 1e9,
            (long.seconds - short.seconds) / flows / rounds * 1e9, new, packet,
            short.peak_kib * KIB / MB, (short.peak_kib - start.peak_kib) * KIB / flows]


def of_policies(tools, folder, title, text, name, made, capture, crowd, small, small_crowd,
                packets, small_packets):
    """Cost per packet by policy: 'made' is (size, path of the policy)."""
    rows = []
    nothing = captures.make_empty(folder).path
    for size, path in made:
        progress(f"{size:,} {name}")
        options = ["-p", path]
        start = crowds.replay(tools, folder, options, nothing)
        cost = median(3, lambda: crowds.replay(tools, folder, options, capture, crowd))
        counted = None
        if counting():
            counted = (crowds.count(tools, options, small, small_crowd)
                       - crowds.count(tools, options, nothing)) / small_packets
        rows.append([size, (cost.seconds - start.seconds) / packets * 1e9, counted,
                     start.seconds * 1e3, cost.peak_kib * KIB / MB])
    return Curve(title, text, (name, "ns/packet", "instr./packet", "start ms", "peak MB"), rows,
                 (Plot(name, name, "CPU ns per packet", (("packet", 1),)),))


def of_rules(tools, folder):
    large = captures.make(tools, "mix", "0.1", folder)
    small = captures.make(tools, "mix", "0.005", folder)
    return of_policies(
        tools, folder, "Rules",
        "The capture *mix*, with so many rules before the enterprise's own. All of them are "
        "about segments that talk and services that are used, each for one host that is not "
        "there: a verdict looks at those for its segments and service, and stays what it was. "
        "Of 10 000 rules that is seventy for each verdict. *Start* is the whole run on one "
        "frame: the policy is read and its tests are made.",
        "rules", [(n, policies.with_rules(n, folder)) for n in (10, 100, 1000, 10_000)],
        large.path, (), small.path, (), large.packets, small.packets)


def of_segments(tools, folder):
    flows, counted = 300_000, 10_000
    return of_policies(
        tools, folder, "Segments",
        "The flows of the first curve, each with one more packet, between random hosts: their "
        "prefixes are split finer and finer. A thousand segments are a million pairs, whose "
        "totals take 80 MB: clearing them is most of what so short a run has more to count.",
        "segments", [(n, policies.with_segments(n, folder)) for n in (10, 30, 100, 300, 1000)],
        "-", ["-r", "1", str(flows)], "-", ["-r", "1", str(counted)], flows * 2.5, counted * 2.5)


def of_sizes(tools, folder):
    rows = []
    options = ["-p", policies.with_segments(SEGMENTS, folder)]
    nothing = captures.make_empty(folder).path
    start = crowds.replay(tools, folder, options, nothing)
    path = folder / "size.pcap"
    for size in SIZES:
        progress(f"frames of {size:,} bytes")
        packets = min(1_000_000, MOST_FILE_BYTES // size) // 1000 * 1000
        crowds.write(tools, path, ["-k", "data", "-s", str(size), "-r",
                                   str(packets // 1000 - 1), "1000"])
        cost = median(3, lambda: crowds.replay(tools, folder, options, path))
        counted = None
        if counting():
            few = ["-k", "data", "-s", str(size), "10"]
            many = ["-k", "data", "-s", str(size), "-r", "1000", "10"]
            counted = (crowds.count(tools, options, crowd=many)
                       - crowds.count(tools, options, crowd=few)) / 10_000
        ns = (cost.seconds - start.seconds) / packets * 1e9
        rows.append([size, ns, counted, size * 8 / ns, cost.peak_kib * KIB / MB])
    path.unlink()
    return Curve(
        "Packet size",
        "A thousand flows that nobody knows, up to a thousand packets each, from a file in the "
        "page cache. No byte of a decided flow's payload is looked at: what grows is the "
        "reading of the file.",
        ("bytes", "ns/packet", "instr./packet", "Gbit/s", "peak MB"), rows,
        (Plot("size", "bytes per frame", "CPU ns per packet", (("packet", 1),)),))


def of_memory(tools, folder, flows=1_000_000):
    """Flows begin within 20 s, and end when they have been idle for a minute (SYN)
    or three (DNS)."""
    progress("memory over time")
    samples = crowds.resident(tools, ["-q", "300", str(flows)],
                              ["-p", policies.with_segments(SEGMENTS, folder)])
    rows = [[second, kib * KIB / MB] for second, kib in samples]
    shown = frozenset((0, 10, 20, 40, 60, 80, 100, 140, 180, 200, 220, 260, 300))
    return Curve(
        "Memory after the peak",
        f"{flows:,} flows begin within 20 s; then hardly anything happens. Those of a SYN end "
        "after a minute without a packet, those of DNS after three.",
        ("second", "resident MB"), rows,
        (Plot("memory", "seconds of the capture", "resident MB", (("segmon", 1),), log_x=False),),
        shown)


def of_many(tools, folder, flows):
    """The bounds, held to."""
    rows = []
    room = ("-p", policies.with_segments(SEGMENTS, folder), *room_for(flows))
    nothing = captures.make_empty(folder).path
    for name, options, crowd in (
            ("alive", room, ()),
            ("alive, no DPI", (*room, "--no-dpi"), ()),
            ("SYNs alive", room, ("-k", "syn")),
            ("SYNs, default limits", ("-p", policies.ENTERPRISE), ("-k", "syn", "-t", "100"))):
        progress(f"{flows:,} {name}")
        start = crowds.replay(tools, folder, options, nothing)
        cost = once(tools, folder, options, (*crowd, str(flows)))
        counters = cost.status["flows"]
        rows.append([
            f"{flows:,} {name}", cost.seconds, f"{cost.peak_kib / KIB / KIB:.2f}",
            None if counters["evicted"] else (cost.peak_kib - start.peak_kib) * KIB / flows,
            counters["created"], counters["ended"], counters["evicted"],
            counters["ended_by"]["idle"], counters["ended_by"]["eof"],
            cost.status["violations"]["hits"]])
    return Curve(
        "Very many flows",
        "The first three have room for all of them: none may be evicted, and the peak stays "
        "below 3 GiB. The last one is a flood judged by the enterprise's policy, to which "
        "every SYN is a violation: memory is what the limits say, and every flow that was "
        "created has ended and says why.",
        ("run", "CPU s", "peak GiB", "B/flow", "created", "ended", "evicted", "idle",
         "at the end", "violations"), rows, ())
