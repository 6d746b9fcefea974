#!/usr/bin/env python3
"""Writes segmon-schemas(5) from the tables: manual.py > segmon-schemas.5

The page says what convert_ocsf.c and convert_asim.c say, so it is not edited by
hand; a test holds the one against the others."""
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
ALL = ("FLOW", "COLLAPSED", "VIOLATION", "STATUS")
CALLED = {"FLOW": "flow", "COLLAPSED": "collapsed", "VIOLATION": "violation", "STATUS": "status"}
SAID_OF = {
    "TEXT": "", "COUNT": "", "WORD": "by word", "ADDRESS": "if it is an address",
    "PORT": "if it is a port", "COUNT32": "if it fits 32 bits", "DIGITS": "as a number",
    "INVERTED": "the contrary", "TIME": "", "TIME_MS": "milliseconds since 1970",
    "NS_TO_MS": "milliseconds", "NS_TO_MS32": "milliseconds, if they fit 32 bits",
    "UPPER": "in capitals", "MAC_COLONS": "with colons", "FQDN": "if it has a dot within",
}


def table(schema):
    """The rules of a schema: (records, source, target or None, how, what it needs, macro)."""
    text = re.sub(r"/\*.*?\*/", "", (FOLDER / f"convert_{schema}.c").read_text(), flags=re.DOTALL)
    names = {name: (name,) for name in ALL}
    for name, value in re.findall(r"^    ([A-Z]+) = ([A-Z |]+),?$", text, re.MULTILINE):
        names[name] = sum((names[part] for part in value.split(" | ")), ())
    body = text[text.index("struct convert_rule rules[]"):]
    body = " ".join(body[:body.index("};")].split())
    rules = []
    for macro, rest in re.findall(r"\b(MAP|MUST|WITH|NAME|GIST)\((.*?)\)(?=,)", body):
        kinds, source, target, last, *needs = [word.strip() for word in rest.split(",")]
        how = "WORD" if macro in ("NAME", "GIST") else last
        rules.append((names[kinds], source.strip('"'),
                      None if target == "NULL" else target.strip('"'), how,
                      needs[0].strip('"') if needs else None, macro))
    return rules


def constants(schema):
    """What records have besides: (records, target, value)."""
    text = (FOLDER / f"convert_{schema}.c").read_text()
    names = {name: (name,) for name in ALL}
    for name, value in re.findall(r"^    ([A-Z]+) = ([A-Z |]+),?(?: /\*.*)?$", text, re.MULTILINE):
        names[name] = sum((names[part] for part in value.split(" | ")), ())
    body = text[text.index("struct convert_constant constants[]"):]
    return [(names[kinds], target, text if text else int(number)) for kinds, number, target, text in
            re.findall(r'\{(\w+), (\d+), "([\w.]+)",\s*(?:NULL|"([^"]*)")\}',
                       body[:body.index("};")])]


HEAD = """\
.\\" Made from the tables by tools/forward/manual.py; not edited by hand.
.Dd November 22, 2026
.Dt SEGMON-SCHEMAS 5
.Os segmon
.Sh NAME
.Nm segmon-schemas
.Nd events of segmon as OCSF and ASIM
.Sh DESCRIPTION
.Cm segmon forward
passes events on as
.Xr segmon-events 5
has them, in the shape of the Elastic Common Schema, or with
.Fl -schema
in one of the forms below.
.Bl -bullet
.It
segmon watches and never blocks.
So every record says that nothing was done: action
.Ql Observed
in OCSF, DvcAction
.Ql Allow
in ASIM.
What the policy says is beside it: disposition_id and segmon.verdict in OCSF,
DvcOriginalAction in ASIM.
.It
What a schema has no place for, and a value that the place cannot take, is kept
with its own name under
.Ql unmapped
(OCSF) or
.Ql AdditionalFields
(ASIM).
Left out is only what is the same in all records of a kind: ecs.version,
event.kind, event.category, event.type and observer.type.
.It
An event that lacks what its record must have, that is no JSON, is longer than
64 KiB or would be so is passed on as it is, and counted; so is one of a kind that the
schema has no record for.
Such a line has no
.Ql class_uid
(OCSF) or
.Ql EventSchema
(ASIM), by which a reader can tell it.
Nothing is dropped, and events are acknowledged as without
.Fl -schema .
.It
Numbers of 64 bits that name something stay strings.
Times of OCSF are milliseconds; metadata.original_time has the event's to the
microsecond.
.El
"""

RECORDS = {
    "ocsf": """\
.Sh OCSF
Version 1.7.0, profile security_control.
A flow is a Network Activity (4001): its activity is Open at its begin, Traffic
while it lasts, and at its end Close, Reset, Fail (never answered) or Refuse.
Flows told together are one, too; its ends are segments, and it has a count.
A violation is a Detection Finding (2004), created, updated or closed, with the
two ends as its evidence, each technique and tactic of threat as one of
finding_info.attacks, and its flows as finding_info.related_events.
A status event is a Base Event (0), all of whose content is unmapped.
.Pp
traffic is what came since the record of the flow before, cumulative_traffic all
so far.
""",
    "asim": """\
.Sh ASIM
Microsoft's NetworkSession, version 0.2.7, with the columns of the table
ASimNetworkSessionLogs and EventSchema.
A flow is of the EventType NetworkSession, flows told together Flow, a violation
IDS.
Status events are no sessions: they are passed on as they are.
.Pp
Bytes and packets are those since the record of the flow before, so that they can
be summed up; NetworkBytes and NetworkPackets are their sums.
Those so far stay in AdditionalFields.
Aliases such as Src and Dst are left to the parser.
""",
}


def write(out):
    out.write(HEAD)
    for schema, text in RECORDS.items():
        out.write(text)
        out.write(".Bl -tag -width Ds\n")
        for kinds, source, target, how, needs, macro in table(schema):
            if not target:
                continue
            notes = [", ".join(CALLED[kind] for kind in kinds), SAID_OF[how],
                     "required" if macro == "MUST" else "",
                     "kept as well" if macro == "GIST" else "", f"with {needs}" if needs else ""]
            out.write(f".It {source}\n.Cm {target}\n({'; '.join(note for note in notes if note)})\n")
        out.write(".El\n.Pp\nWhere nothing else is:\n.Bl -tag -width Ds\n")
        for kinds, target, value in constants(schema):
            out.write(f".It {target}\n.Ql {value}\n({', '.join(CALLED[kind] for kind in kinds)})\n")
        out.write(".El\n")
    out.write(".Sh SEE ALSO\n.Xr segmon 1 ,\n.Xr segmon-events 5\n")


if __name__ == "__main__":
    write(sys.stdout)
