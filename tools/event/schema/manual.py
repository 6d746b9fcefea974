#!/usr/bin/env python3
"""Writes segmon-events(5) from the schema: manual.py SCHEMA > segmon-events.5

The page says what the schema says, in the schema's words, so it is not edited
by hand; a test holds the one against the other."""
import json
import sys

HEAD = """\
.\\" Made from the schema by tools/event/schema/manual.py; not edited by hand.
.Dd November 22, 2026
.Dt SEGMON-EVENTS 5
.Os segmon
.Sh NAME
.Nm segmon-events
.Nd what segmon writes
.Sh DESCRIPTION
Every event is one JSON object on one line, UTF-8, at most 64 KiB.
The same bytes go to every output.
Field names and their nesting are those of the Elastic Common Schema where it
has one for the matter; all else is under
.Ql segmon .
.Pp
There are three kinds, told apart by
.Ql event.dataset :
.Ql segmon.flow ,
.Ql segmon.violation
and
.Ql segmon.status .
.Bl -bullet
.It
segmon observes.
No event says that anything was blocked:
.Ql segmon.verdict
is what the policy says, and
.Ql segmon.outcome
is what really happened.
.It
.Ql source
opened the conversation,
.Ql destination
responded.
.Ql segmon.initiator_evidence
says how that was decided.
.It
Times are RFC 3339 in UTC with six digits, durations nanoseconds.
Bytes are those of IP packets, headers included, as their length fields say.
.It
64-bit numbers that name something are strings.
.It
Text from the wire is made strict UTF-8 and cut at 255 bytes; what may upset a
terminal is escaped.
.It
A flow that lasts makes interim records with totals, and so does one whose
verdict changes.
.It
While a flow table is nearly full, or too many of a kind come, attempts that
nothing comes of are not told one by one, but counted:
.Ql segmon.record
is
.Ql collapsed ,
and the event is of the kind of flows.
.El
.Pp
.Ss What adds up
In the status event that ends a run, and in every other but for what is under
way, each frame that came to an interface is counted on one step of this ladder,
and so is what became of it:
.Bl -bullet
.It
Frames that came are
.Ql missed
by the interface,
.Ql discarded
before they could be captured,
.Ql kernel_drops
and
.Ql unread
of each worker, or
.Ql received .
The sum of those received is
.Ql capture.frames .
.It
.Ql capture.frames
are
.Ql capture.filtered
and the results of
.Ql dissected .
.It
.Ql dissected.ok
are
.Ql flows.packets
and
.Ql flows.related ;
with
.Fl -duplicates Cm drop
also
.Ql flows.duplicates .
.It
.Ql flows.created
are
.Ql flows.ended
and
.Ql flows.active .
.It
.Ql flows.ended
are
.Ql flows.ended_by
without
.Ql active
and
.Ql revised .
.It
Flow events, which each output counts as
.Ql emitted ,
are the sum of
.Ql flows.ended_by
without
.Ql flows.collapsed ,
and
.Ql flows.collapsed_records .
Those of violations are
.Ql violations.told .
.It
Of each kind of event and at each output,
.Ql emitted
are
.Ql acked ,
.Ql spooled
and
.Ql dropped ;
of these,
.Ql refused
did not get as far as the output.
.El
.Pp
.Ic segmon schema
prints the JSON Schema, which this page repeats.
A later minor version of it may add optional fields; nothing else changes in
one.
.Sh FIELDS
Those in brackets may be absent.
"""

TAIL = """\
.Sh BLINDNESS
A sensor that reports no violation has seen none; whether there was any to be
seen is told apart.
.Ql segmon.status.blindness
lists the intervals in which it could not see everything, each with its cause,
and with what it is of: an interface, a pair of segments, or everything.
An event of cause
.Ql change
tells when one begins and when it has ended, and each of cause
.Ql interval
all that there were since the one before.
.Pp
That there was no violation between two segments from one moment to another may
be said if
.Bl -bullet -compact
.It
events of one run with the causes
.Ql start ,
.Ql interval
and
.Ql end
follow each other over that time without one that is missing by its
.Ql event.sequence ;
.It
no interval of the pair, of everything, or of an interface by which its traffic
may come covers any of it, and
.Ql blindness_left_out
is 0;
.It
no violation event tells otherwise.
.El
.Pp
Losses count as blindness when more than one frame in 1000 is lost in a second,
until there were none for ten; what was not captured of TCP, when it is more
than one byte in 100 of a pair and 10000 bytes, from one event of cause
.Ql interval
to the next; seen from one end, when at least 3 conversations and one in 20 are.
What long flows missed is known when a record of them is made, every five
minutes.
A network that loses its own packets is no blindness: what was not acknowledged
is not missed.
.Sh SEE ALSO
.Xr segmon 1 ,
.Xr segmon-policy 5
.Pp
Elastic Common Schema 8.17.
.Pp
Zeek's
.Ql conn.log ,
for
.Ql history
and
.Ql conn_state .
.Pp
Community ID, version 1.
"""

REF = "#/$defs/"


def text(words):
    """As a line of its own: a leading dot or quote would be a request."""
    words = words.replace("\\", "\\e")
    return "\\&" + words if words[:1] in ".'" else words


def argument(word):
    return '"' + word.replace('"', '\\(dq') + '"'


def kind_of(node):
    if "$ref" in node:
        return "see " + node["$ref"].removeprefix(REF)
    if "const" in node:
        return json.dumps(node["const"]).strip('"')
    if "enum" in node:
        return ""
    if node.get("type") == "array":
        inner = kind_of(node.get("items", {}))
        return "list of " + (inner or "words")
    return node.get("type", "")


def values_of(node):
    node = node.get("items", node) if node.get("type") == "array" else node
    return node.get("enum", [])


def fields(node, path=""):
    """Every field below: name, whether it is always there, and what it is."""
    required = node.get("required", [])
    for name, inner in node.get("properties", {}).items():
        full = f"{path}.{name}" if path else name
        yield full, name in required, inner
        if inner.get("type") == "object":
            yield from fields(inner, full)
        elif inner.get("type") == "array":
            yield from fields(inner.get("items", {}), full + "[]")


def section(title, node):
    print(f".Ss {title}")
    if "description" in node:
        print(text(node["description"]))
    print(".Bl -tag -width Ds")
    for name, always, inner in fields(node):
        shown = name if always else f"[{name}]"
        kind = kind_of(inner)
        print(f".It Cm {argument(shown)}" + (f" Pq {kind}" if kind else ""))
        print(text(inner.get("description", "")) if "description" in inner else ".No \\&")
        values = values_of(inner)
        if values:
            print("One of")
            for i, value in enumerate(values):
                end = "." if i == len(values) - 1 else ","
                print(f".Ql {value} {end}")
    print(".El")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        defs = json.load(file)["$defs"]
    kinds = ["flow", "collapsed", "violation", "status"]
    print(HEAD, end="")
    for name in kinds + [d for d in defs if d not in kinds]:
        section(name, defs[name])
    print(TAIL, end="")


if __name__ == "__main__":
    main()
