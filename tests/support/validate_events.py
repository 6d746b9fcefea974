#!/usr/bin/env python3
"""Checks events against the published schema.

    validate_events.py [--everything] SCHEMA NDJSON...

Every line must be one event that the schema accepts, unknown properties
included.  With --everything the lines together must also use every property
the schema has, so that none of them is only claimed.  "-" reads standard
input.  Exits 1 and names the line if anything is wrong.
"""

import json
import sys

import jsonschema

DATASETS = {
    "segmon.flow": "flow",
    "segmon.violation": "violation",
    "segmon.status": "status",
}
COLLAPSED = "collapsed"
MAX_SHOWN = 10


def main(arguments):
    everything = "--everything" in arguments
    paths = [a for a in arguments if a != "--everything"]
    with open(paths[0], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validators = {name: validator(schema, name) for name in [*DATASETS.values(), COLLAPSED]}
    used = set()
    n_events = n_wrong = 0
    for path in paths[1:]:
        for where, line in lines_of(path):
            n_events += 1
            for complaint in complaints(validators, schema, line, used):
                n_wrong += 1
                if n_wrong <= MAX_SHOWN:
                    print(f"{where}: {complaint}", file=sys.stderr)
    if everything:
        for name in sorted(all_properties(schema) - used):
            n_wrong += 1
            print(f"no event has {name}", file=sys.stderr)
    print(f"{n_events} events, {n_wrong} mistakes")
    return 1 if n_wrong or not n_events else 0


def validator(schema, name):
    """A validator for one kind: its messages are clearer than oneOf's."""
    one = dict(schema, **{"$ref": f"#/$defs/{name}"})
    del one["oneOf"]
    return jsonschema.Draft202012Validator(one)


def lines_of(path):
    file = sys.stdin if path == "-" else open(path, encoding="utf-8")
    with file:
        for number, line in enumerate(file, 1):
            yield f"{path}:{number}", line


def unique(pairs):
    """Builds an object and refuses two members of the same name."""
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = {name for name in names if names.count(name) > 1}
        raise ValueError(f"written twice: {', '.join(sorted(twice))}")
    return result


def complaints(validators, schema, line, used):
    try:
        event = json.loads(line, object_pairs_hook=unique)
        name = DATASETS[event["event"]["dataset"]]
        if name == "flow" and event["segmon"]["record"] == COLLAPSED:
            name = COLLAPSED
    except (ValueError, KeyError, TypeError) as error:
        yield f"no event: {error!r}"
        return
    for error in validators[name].iter_errors(event):
        yield f"{error.json_path}: {error.message[:300]}"
    collect_used(schema, schema["$defs"][name], event, name, used)
    counters = event["segmon"].get("status", {}).get("outputs", [])
    for output in counters:
        for kind, n in output["events"].items():
            came = n["emitted"] + n.get("recovered", 0) + n.get("rewound", 0)
            lost = sum(n.get("lost", {"": n["dropped"]}).values())
            if came != n["acked"] + n["spooled"] + n["dropped"] or lost != n["dropped"]:
                yield f"{output['name']}: {kind} events do not add up: {n}"


def resolve(schema, node):
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def collect_used(schema, node, value, path, used):
    node = resolve(schema, node)
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in node.get("properties", {}):
                used.add(f"{path}.{name}")
                collect_used(
                    schema,
                    node["properties"][name],
                    inner,
                    f"{path}.{name}",
                    used,
                )
    elif isinstance(value, list):
        for inner in value:
            collect_used(schema, node.get("items", {}), inner, path, used)


def all_properties(schema):
    found = set()

    def walk(node, path):
        node = resolve(schema, node)
        if "items" in node:
            walk(node["items"], path)
        for name, inner in node.get("properties", {}).items():
            assert "description" in resolve(schema, inner), f"{path}.{name}"
            found.add(f"{path}.{name}")
            walk(inner, f"{path}.{name}")

    for name in [*DATASETS.values(), COLLAPSED]:
        walk(schema["$defs"][name], name)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
