"""What it costs to read a policy again under load: the same run without and with."""
import dataclasses
import re

from suite import listeners, policies, wires

N_RULES = 1000
PART = 0.6  # Of the rate without loss.


@dataclasses.dataclass
class Result:
    every: float  # Seconds between two reloads.
    reloads: int  # That came into force while frames were sent.
    refused: int
    without: wires.Run
    run: wires.Run

    @property
    def good(self):
        """No frame was lost because of them, and there were some."""
        return (self.reloads > 0 and self.refused == 0 and self.run.adds_up
                and self.run.lost <= self.without.lost)


class Reloaded(listeners.Segmon):
    """Each time the policy is another: half of its rules deny what they allowed."""

    def __init__(self, tools, servers, folder, every):
        self.policy = folder / "policy.yaml"
        super().__init__(tools, "segmon, reloads", f"{N_RULES} rules",
                         ["-p", self.policy], servers)
        self.texts = self.two_policies(folder)
        self.TURN = every or self.TURN
        self.turns = self.reloads = self.refused = 0

    @staticmethod
    def two_policies(folder):
        text = policies.with_rules(N_RULES, folder).read_text()
        other = re.sub(r"( +- {id: r\d*[13579],.* action: )allow}", r"\1deny}", text)
        return text, other

    def prepare(self, out):
        super().prepare(out)
        self.policy.write_text(self.texts[0])

    def turn(self, process):
        self.turns += 1
        self.policy.write_text(self.texts[self.turns % 2])
        process.send_signal(listeners.signal.SIGHUP)

    def told(self, out, said):
        self.reloads = said.count("is in force")
        self.refused = said.count("the policy in force stays")
        return super().told(out, said)


def measure(tools, servers, capture, rate, chosen, folder):
    runs = []
    for every in (None, chosen.reload):
        listener = Reloaded(tools, servers, folder, every)
        runs.append(wires.once(tools, listener, capture, rate, chosen.seconds, folder))
    return Result(chosen.reload, listener.reloads, listener.refused, *runs)


def write(result, rate):
    lines = [
        "## Reloading under load", "",
        f"A policy with {N_RULES} rules more is read again every {result.every:g} s while "
        "frames come; each time half of those rules decide otherwise.", "",
        "| segmon | reloads | frames/s | sent | lost | told lost | CPU s |",
        "|---|---:|---:|---:|---:|---:|---:|"]
    for name, reloads, run in (("without reloads", 0, result.without),
                               ("with reloads", result.reloads, result.run)):
        lines.append(f"| {name} | {reloads} | {rate(run.rate)} | {rate(run.sent)} | {run.lost} | "
                     f"{run.told_lost} | {run.seconds:.2f} |")
    lines += ["", "No frame is lost because of them: " + ("yes." if result.good else "**no**."), ""]
    return "\n".join(lines)
