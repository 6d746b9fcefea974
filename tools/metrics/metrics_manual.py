#!/usr/bin/env python3
"""Writes segmon-metrics(5) from metrics that have a sample in every family:
metrics_manual.py METRICS > segmon-metrics.5

The page says what the program says, in its words, so it is not edited by hand; a
test holds the one against the other."""
import re
import sys

HEAD = """\
.\\" Made from what the program says by tools/metrics/metrics_manual.py; not
.\\" edited by hand.
.Dd November 22, 2026
.Dt SEGMON-METRICS 5
.Os segmon
.Sh NAME
.Nm segmon-metrics
.Nd what segmon tells Prometheus
.Sh DESCRIPTION
.Ic segmon run --metrics
serves three paths over HTTP:
.Bl -tag -width Ds
.It Pa /metrics
The numbers below, in the text format of Prometheus, version 0.0.4.
They are those of the status event; see
.Xr segmon-events 5 .
.It Pa /healthz
200 while the program goes on working: it looks after itself, and every worker
and all that sends to servers gets on, be they slow or away.
Else 503, and why.
.It Pa /readyz
200 while it is healthy, captures from one interface at least, and its outputs
work, or events for those that are down have room to wait, and none of these
refuses a password or a right.
Else 503, and why.
.El
.Pp
Nothing in the program waits for who asks.
A reader that is slow is cut off, requests are small and few at a time, and only
GET and HEAD are answered.
The Host of a request must be an address or
.Ql localhost ;
where others than this machine get to the port, also the name of this machine.
There is no password: who gets to the port reads the names of rules, interfaces
and outputs.
.Sh METRICS
Counters begin at 0 with the program.
Of rules that may be violated the first 1024 are counted apart, denying ones
first, and all others together as
.Ql (other) .
A label in brackets is not with all samples.
.Bl -tag -width Ds
"""

TAIL = """\
.El
.Sh FILES
In the folder
.Pa integrations/prometheus
of what is installed are alerts for Prometheus,
.Pa segmon.rules.yml ,
and a dashboard for Grafana,
.Pa segmon-dashboard.json .
.Sh SEE ALSO
.Xr segmon 1 ,
.Xr segmon-events 5 ,
.Xr segmon-policy 5
"""


def families(text):
    """Name, type, help and labels of each, as far as all samples have them."""
    found = {}
    for line in text.splitlines():
        if match := re.match(r"# (HELP|TYPE) (\S+) (.*)", line):
            found.setdefault(match[2], {"labels": []})[match[1]] = match[3]
        else:
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? \S+$", line).groups()
            found[name]["labels"].append(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', labels or ""))
    return found


def shown(labels):
    names = dict.fromkeys(name for sample in labels for name in sample)
    return [name if all(name in sample for sample in labels) else f"[{name}]" for name in names]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = families(file.read())
    print(HEAD, end="")
    for name, family in found.items():
        labels = ", ".join(shown(family["labels"]))
        print(f".It Cm {name}" + (f" Brq {labels}" if labels else "") + f" Pq {family['TYPE']}")
        print(family["HELP"] + ".")
    print(TAIL, end="")


if __name__ == "__main__":
    main()
