"""Whether what a run counted adds up, step by step: frames, flows, events, Redis."""
import json

KINDS = ("flow", "violation", "status")


def last_status(redis, sensor):
    reply = redis.call("XREVRANGE", f"segmon:{{{sensor}}}:status", "+", "-", "COUNT", "1")
    words = reply[0][1]
    return json.loads(dict(zip(words[::2], words[1::2]))[b"event"])["segmon"]["status"]


def shares(status):
    return [worker for interface in status["interfaces"] for worker in interface["workers"]]


def received(status):
    return sum(share["received"] for share in shares(status))


def lost(status):
    return sum(share["kernel_drops"] + share["unread"] for share in shares(status))


def dropped(status):
    return sum(counts["dropped"] for counts in status["outputs"][0]["events"].values())


def mistakes(status, redis, sensor):
    """What does not add up in the last status of a run, and in its Redis.  What a server
    that was killed had lost came from the spool again, and was acknowledged twice."""
    events = status["outputs"][0]["events"]
    flows, capture = status["flows"], status["capture"]
    steps = [
        ("frames received and read", received(status), capture["frames"]),
        ("frames read and dissected, or filtered", capture["frames"],
         capture["filtered"] + sum(status["dissected"].values())),
        ("flows begun and ended", flows["created"], flows["ended"] + flows["active"]),
        ("flows alive at the end", flows["active"], 0)]
    for kind in KINDS:
        counts = events[kind]
        again = counts.get("rewound", 0)
        steps.append((f"{kind} events made, and acknowledged, dropped or waiting",
                      counts["emitted"] + counts.get("recovered", 0) + again,
                      counts["acked"] + counts["dropped"] + counts["spooled"]))
        # The last status event cannot count itself.
        own = 1 if kind == "status" else 0
        steps.append((f"{kind} events acknowledged, and in Redis",
                      counts["acked"] + own - again,
                      redis.call("XLEN", f"segmon:{{{sensor}}}:{kind}")))
        steps.append((f"{kind} events that wait at the end", counts["spooled"], 0))
    return [f"{what}: {one} and {other}" for what, one, other in steps if one != other]
