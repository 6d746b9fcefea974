"""What adds up in a status event that ends a run, as segmon-events(5) says: every
frame is on one step, from the interface to the outputs."""


def steps(status, duplicates="mark"):
    """(step, what came to it, what left it)"""
    capture, flows = status["capture"], status["flows"]
    ended_by = flows["ended_by"]
    interfaces = status.get("interfaces", [])
    if interfaces:
        shares = [share for interface in interfaces for share in interface["workers"]]
        yield "received", sum(s["received"] for s in shares), capture["frames"]
        yield ("kernel_drops", sum(s["kernel_drops"] for s in shares),
               capture["kernel_drops"])
        yield "missed", sum(i["missed"] for i in interfaces), capture["device_drops"]
    yield ("dissected", capture["frames"],
           capture["filtered"] + sum(status["dissected"].values()))
    yield ("packets", status["dissected"]["ok"], flows["packets"] + flows["related"]
           + (flows["duplicates"] if duplicates == "drop" else 0))
    yield "flows", flows["created"], flows["ended"] + flows["active"]
    yield ("ends", flows["ended"],
           sum(ended_by.values()) - ended_by["active"] - ended_by["revised"])
    for output in status.get("outputs", []):
        events = output["events"]
        if events["flow"]["emitted"]:
            yield (f"flow events of {output['name']}", events["flow"]["emitted"],
                   sum(ended_by.values()) - flows["collapsed"] + flows["collapsed_records"])
        if events["violation"]["emitted"]:
            yield (f"violations of {output['name']}", events["violation"]["emitted"],
                   status["violations"]["told"])
        for kind, n in events.items():
            yield (f"{kind} of {output['name']}",
                   n["emitted"] + n.get("recovered", 0) + n.get("rewound", 0),
                   n["acked"] + n["spooled"] + n["dropped"])
            yield (f"lost {kind} of {output['name']}", n["dropped"],
                   sum(n.get("lost", {}).values()))
            assert n["refused"] <= n["dropped"], (output["name"], kind, n)


def came(status):
    """Frames that came to the interfaces, whatever became of them."""
    return sum(i["missed"] + i["discarded"] +
               sum(w["received"] + w["kernel_drops"] + w["unread"] for w in i["workers"])
               for i in status["interfaces"])


def wrong(status, duplicates="mark"):
    """The steps that do not add up."""
    return [step for step in steps(status, duplicates) if step[1] != step[2]]
