"""Whether a program that runs on and on grows: what it had of memory, second by second."""
import dataclasses
import pathlib
import statistics

MIB = 1 << 20
HOUR = 3600
LEAST = 10 * 60  # Seconds of samples that a slope is told from; of fewer it is noise.


@dataclasses.dataclass
class Sample:
    seconds: float  # Since the run began.
    resident: int   # Bytes, all of them: with the kernel's rings, and the program's own text;
    private: int    # those that nothing but the program itself can make grow.


def look(pid, seconds):
    fields = dict(line.split(":", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return Sample(seconds, *(int(fields[name].split()[0]) << 10 for name in ("VmRSS", "RssAnon")))


def slope(samples):
    """MiB an hour of private memory over the second half, when tables and caches are as
    full as they get; None if that did not last long enough."""
    half = samples[len(samples) // 2:]
    if not half or half[-1].seconds - half[0].seconds < LEAST:
        return None
    fit = statistics.linear_regression([sample.seconds for sample in half],
                                       [sample.private for sample in half])
    return fit.slope * HOUR / MIB


def mistakes(samples, budget, most):
    """'most': MiB an hour that a program may seem to grow by."""
    grown, peak = slope(samples), max(sample.resident for sample in samples)
    found = []
    if grown is not None and grown > most:
        found.append(f"memory grows: {grown:+.1f} MiB an hour over the second half, "
                     f"and {most:g} at the most may be noise")
    if peak > budget:
        found.append(f"memory: {peak / MIB:.0f} MiB, and {budget / MIB:.0f} are the budget")
    return found


def text(samples, most):
    grown = slope(samples)
    told = ("too short a run to tell whether it grows" if grown is None else
            f"{grown:+.1f} an hour over the second half (limit {most:g})")
    return (f"memory: {samples[-1].resident / MIB:.0f} MiB at the end, "
            f"{max(sample.resident for sample in samples) / MIB:.0f} at the most; of that "
            f"{samples[-1].private / MIB:.0f} its own: {told}")
