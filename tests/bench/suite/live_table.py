"""What was found on the wire, as a page."""
import dataclasses
import datetime

from suite import listeners, wires

SEGMON = "segmon"


@dataclasses.dataclass
class Result:
    listener: listeners.Listener
    good: float      # Frames a second without loss, at least;
    bad: float       # with loss, at most; None: never.
    best: wires.Run  # At 'good'; the least bad, if none was.
    runs: list
    searched: bool = True


def segmon_adds_up(results):
    return all(run.adds_up for result in results if result.listener.name.startswith(SEGMON)
               for run in result.runs)


def rate(value):
    return f"{value:,.0f}".replace(",", " ")


def row(result):
    run = result.best
    if result.bad:
        first = rate(result.bad)
    else:
        fastest = max(run.rate for run in result.runs)
        first = f"none at {rate(fastest)}" if result.searched else "not looked for"
    told = "-" if run.told_lost is None else str(run.told_lost)
    return (f"| {result.listener.name} | {rate(result.good)} | {first} | {rate(run.sent)} | "
            f"{run.lost} | {told} | {run.seconds:.2f} | "
            f"{run.seconds * 1e9 / run.sent:,.0f} |")


def goals(results):
    """(what, reached: True, False, or None where it was not measured)"""
    by_name = {result.listener.name: result for result in results}
    segmon = by_name.get(SEGMON)

    def against(peer, times, first_loss):
        other = by_name.get(peer)
        if not segmon or not other:
            return None
        bound = other.bad if first_loss else other.good
        if bound is None:  # It never lost any: no more could be sent.
            return None if segmon.bad is None or not other.searched else False
        if segmon.bad is None and segmon.good < times * bound:
            return None  # The sender is too slow to tell.
        return segmon.good >= times * bound

    yield "without loss at twice the rate at which Suricata first loses", against(
        "suricata", 2, True)
    yield "without loss at four times the rate at which ndpiReader first loses", against(
        "ndpiReader", 4, True)
    yield "without loss at softflowd's loss-free rate", against("softflowd", 1, False)
    if segmon:
        yield "every frame sent is received or counted, in every run", segmon_adds_up(results)


def write(chosen, machine, n_cpus, most, results, whole):
    lines = [
        "# On a wire", "",
        f"{datetime.date.today()}, {n_cpus} cores ({machine}), runs of {chosen.seconds} s; "
        f"the capture *mix* at scale {chosen.scale}, over and over between other hosts, "
        f"through a pair of virtual interfaces.  At most {rate(most)} frames/s were sent when "
        "nobody captured, from a core that the sender and the kernel's part of receiving have "
        "to themselves as far as the machine is idle.", "",
        "| program | loss-free, frames/s | first loss at | sent | lost | told lost | CPU s | "
        "ns/frame |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines += [row(result) for result in results]
    lines += ["", *(f"- {result.listener.name}: {result.listener.note}." for result in results),
              "", "## Goals", "", "| goal | reached |", "|---|---|"]
    words = {True: "yes", False: "**no**", None: "cannot be told"}
    lines += [f"| {what} | {words[reached]} |" for what, reached in goals(results)]
    lines += [f"| two workers: every flow whole, the same as from a file ({whole.flows}) | "
              f"{words[whole.good]} |", ""]
    if not whole.good:
        lines += [f"{len(whole.missing)} flows are missing and {len(whole.surplus)} surplus; "
                  f"{whole.frames} frames of {whole.sent}.", ""]
    return "\n".join(lines)
