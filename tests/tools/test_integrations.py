#!/usr/bin/env python3
"""The recipes of tools/integrations: test_integrations.py SEGMON [unittest options].

They are read as the programs would read them, as far as that can be done without those:
their syntax, and whether every field, column and key that they name exists."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RECIPES = ROOT / "tools/integrations"
sys.path.insert(0, str(ROOT / "tools/forward"))
import manual  # noqa: E402
import schemas  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None
SEGMON = None


def event_fields():
    """Paths of all fields that events have, and of what is around them."""
    schema = json.loads((ROOT / "tools/event/schema/segmon-event-1.0.json").read_text())
    found = set()

    def walk(node, path):
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        if path:
            found.add(path)
        for name, inner in node.get("properties", {}).items():
            walk(inner, f"{path}.{name}" if path else name)
        if "items" in node:
            walk(node["items"], path)

    for kind in schema["oneOf"]:
        walk(kind, "")
    return found


def snippets(path):
    return re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


def asim_columns():
    """What the converter writes."""
    source = (ROOT / "tools/forward/convert_asim.c").read_text()
    sums = re.findall(r'add_sum\(record, "(\w+)"', source)
    return ({target for _, _, target, *_ in manual.table("asim") if target} |
            {target for _, target, _ in manual.constants("asim")} | set(sums) |
            {"AdditionalFields"})


class Logstash:
    """A pipeline, as tokens; and what is wrong with them."""

    TOKEN = re.compile(r'\s+|#[^\n]*|(?P<text>"(?:[^"\\]|\\.)*"|\'[^\']*\')|(?P<ref>(?:\[[^\][\s"]+\])+(?=\s|\)))'
                       r'|(?P<op>=>|==|!=|=~|!~|[{}\[\](),!])|(?P<word>[A-Za-z0-9_.-]+)')

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            match = self.TOKEN.match(text, at)
            if not match:
                raise ValueError(f"not a token: {text[at:at + 20]!r}")
            if match.lastgroup:
                self.tokens.append((match.lastgroup, match.group()))
            at = match.end()
        self.check()

    def check(self):
        opened, sections = [], []
        pairs = {"}": "{", "]": "[", ")": "("}
        for i, (kind, text) in enumerate(self.tokens):
            if kind == "op" and text in "{[(":
                if not opened:
                    sections.append(self.tokens[i - 1][1])
                opened.append(text)
            elif kind == "op" and text in pairs:
                if not opened or opened.pop() != pairs[text]:
                    raise ValueError(f"{text} without {pairs[text]}")
            elif text == "=>":
                before, after = self.tokens[i - 1], self.tokens[i + 1]
                if before[0] not in ("word", "text") or self.tokens[i - 2][1] == "=>" or \
                        after[1] in ("}", "=>", ","):
                    raise ValueError(f"{before[1]} => {after[1]}")
        if opened or set(sections) - {"input", "filter", "output"}:
            raise ValueError(f"{opened} left open, sections {sections}")

    def references(self):
        """Fields, but for those that are only in the pipeline."""
        for kind, text in self.tokens:
            for one in [text] if kind == "ref" else re.findall(r"%\{((?:\[\w+\])+)\}", text):
                yield ".".join(re.findall(r"\[([^\]]+)\]", one))

    def value(self, key, nth=0):
        places = [i for i, token in enumerate(self.tokens) if token == ("word", key)]
        i = places[nth] + 2
        if self.tokens[i][1] != "[":
            return self.tokens[i][1].strip('"')
        end = self.tokens.index(("op", "]"), i)
        return [text.strip('"') for kind, text in self.tokens[i:end] if kind == "text"]


class Recipes(unittest.TestCase):
    fields = event_fields()

    def folders(self):
        return sorted(path for path in RECIPES.iterdir() if path.is_dir())

    def exist(self, paths, where):
        paths = set(paths)
        self.assertTrue(paths, where)
        self.assertEqual(paths - self.fields, set(), where)

    def test_each_has_a_readme_of_a_screen_and_is_in_the_table(self):
        table = (RECIPES / "README.md").read_text()
        self.assertEqual({path.name for path in self.folders()},
                         set(re.findall(r"\]\(([\w-]+)\)", table)))
        for folder in self.folders():
            lines = (folder / "README.md").read_text().splitlines()
            self.assertLessEqual(len(lines), 50, folder)
            for name in re.findall(r"`([\w-]+\.(?:conf|ya?ml|json|kql|properties))`",
                                   "\n".join(lines)):
                there = (folder / name).exists() or name in ("segmon.yaml", "logstash.yml")
                self.assertTrue(there, f"{folder}: {name}")

    def test_segmon_takes_every_configuration_they_show(self):
        n = 0
        for folder in self.folders():
            for text in snippets(folder / "README.md"):
                with tempfile.TemporaryDirectory() as at:
                    path = pathlib.Path(at) / "segmon.yaml"
                    path.write_text(f"sensor: edge-1\n{text}")
                    run = subprocess.run([SEGMON, "check", "-C", path], capture_output=True,
                                         timeout=60)
                self.assertEqual((run.returncode, run.stderr), (0, b""), f"{folder}\n{text}")
                n += 1
        self.assertGreaterEqual(n, 8)

    def test_json_and_yaml_can_be_parsed(self):
        files = [path for folder in self.folders() for path in folder.iterdir()]
        for path in files:
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix in (".yaml", ".yml") and yaml:
                self.assertIsInstance(yaml.safe_load(path.read_text()), dict, path)
        self.assertGreater(len(files), 15)

    def test_properties_are_one_key_and_value_a_line(self):
        path = RECIPES / "kafka-connect/segmon-violation.properties"
        found = [line.partition("=") for line in path.read_text().splitlines()
                 if line and not line.startswith("#")]
        self.assertTrue(all(key == key.strip() and equals and value == value.strip()
                            for key, equals, value in found))
        settings = {key: value for key, _, value in found}
        self.assertEqual(len(settings), len(found))
        self.assertEqual(settings["connector.class"],
                         "com.redis.kafka.connect.RedisStreamSourceConnector")
        self.assertIn(settings["redis.stream.delivery"], ("at-least-once", "at-most-once"))
        for name in settings["transforms"].split(","):
            self.assertIn(f"transforms.{name}.type", settings)

    def test_streams_have_the_names_that_segmon_gives_them(self):
        header = (ROOT / "tools/redis/redis_template.h").read_text()
        template = re.search(r'REDIS_TEMPLATE_DEFAULT "(.*)"', header)[1]
        names = {template.replace("{sensor}", "SENSOR").replace("{type}", kind)
                 for kind in ("flow", "violation", "status")}
        for name, least in (("rsyslog/segmon-imhiredis.conf", 1), ("redpanda-connect/segmon.yaml", 3),
                            ("kafka-connect/segmon-violation.properties", 1)):
            text = "\n".join(line for line in (RECIPES / name).read_text().splitlines()
                             if not line.startswith("#"))
            found = re.findall(r"segmon:\{[^\s\"]*", text)
            self.assertGreaterEqual(len(found), least, name)
            self.assertEqual(set(found) - names, set(), name)

    def test_lists_have_one_name_on_both_sides(self):
        for folder, name, pattern in (("logstash", "segmon.conf", r'^    key => "(.*)"'),
                                      ("vector", "vector.yaml", r"^    key: (.*)")):
            text = (RECIPES / folder / name).read_text()
            sent = re.search(r"key: (\S+)", snippets(RECIPES / folder / "README.md")[0])[1]
            self.assertEqual(re.findall(pattern, text, re.MULTILINE), [sent], folder)

    def test_fields_of_events_exist(self):
        def read(name):
            return (RECIPES / name).read_text()
        self.exist((path for path in Logstash(read("logstash/segmon.conf")).references()
                    if path not in ("tags", "event.original")), "logstash")
        vector = re.sub(r"del\(.*?\)", "", read("vector/vector.yaml"))
        self.exist(re.findall(r"(?<![\w/-])\.((?:event|segmon|source|destination)[\w.]+)", vector) +
                   re.findall(r"id_key: (\S+)", vector), "vector")
        self.exist(re.findall(r"\$parsed\.([\w.]+?)\.or\(", read("redpanda-connect/segmon.yaml")) +
                   re.findall(r"\$parsed\.[\w.]+\.or\(\$parsed\.([\w.]+?)\)",
                              read("redpanda-connect/segmon.yaml")), "redpanda")
        self.exist(re.findall(r"from: (\S+)", read("filebeat/filebeat.yml")) +
                   re.findall(r"%\{\[([\w.]+)\]\}", read("filebeat/filebeat.yml")), "filebeat")
        queries = read("microsoft-sentinel/queries.kql")
        self.exist(re.findall(r"AdditionalFields\.([\w.]+)", queries) +
                   ["segmon." + path for path in re.findall(r"Segmon\.([\w.]+)", queries)] +
                   ["segmon.status.blindness." + name
                    for name in re.findall(r"Interval\.(\w+)", queries)], "queries")

    def test_a_pipeline_that_is_none_would_be_noticed(self):
        good = (RECIPES / "logstash/segmon.conf").read_text()
        for bad in (good.replace("{", "", 1), good + "}", good.replace('"list"', '"list', 1),
                    good.replace("=> 125", "=>", 1), good.replace("filter", "filters", 1)):
            with self.assertRaises(ValueError):
                Logstash(bad)


class Sentinel(unittest.TestCase):
    folder = RECIPES / "microsoft-sentinel"

    def setUp(self):
        self.template = json.loads((self.folder / "dcr.json").read_text())
        self.table, self.rule = self.template["resources"]
        self.streams = {name: {column["name"]: column["type"] for column in stream["columns"]}
                        for name, stream in self.rule["properties"]["streamDeclarations"].items()}
        self.pipeline = Logstash((self.folder / "segmon.conf").read_text())

    def test_columns_of_sessions_are_those_that_the_converter_writes(self):
        written = asim_columns()
        self.assertEqual(written, set(schemas.ASIM_COLUMNS))
        self.assertEqual(self.streams["Custom-SegmonSession"],
                         {name: column[0] for name, column in schemas.ASIM_COLUMNS.items()})
        self.assertEqual(set(self.pipeline.value("keys_to_keep", 0)), written)

    def test_columns_of_status_events_are_the_same_everywhere(self):
        columns = self.streams["Custom-SegmonStatus"]
        self.assertEqual(set(self.pipeline.value("keys_to_keep", 1)), set(columns))
        table = self.table["properties"]["schema"]
        self.assertEqual({one["name"]: one["type"].lower() for one in table["columns"]}, columns)
        made = {text.strip('"') for i, (kind, text) in enumerate(self.pipeline.tokens)
                if kind == "text" and self.pipeline.tokens[i + 1:i + 2] == [("op", "=>")]}
        made |= {self.pipeline.tokens[i + 2][1].strip('"')
                 for i, token in enumerate(self.pipeline.tokens) if token == ("text", '"segmon"')}
        self.assertEqual(set(columns) - made, set())

    def test_names_of_columns_are_legal(self):
        for columns in self.streams.values():
            for name, kind in columns.items():
                self.assertRegex(name, r"^[A-Za-z][A-Za-z0-9_]{0,44}$")
                self.assertNotIn(name, ("id", "Type", "Title", "TenantId", "UniqueId"))
                self.assertIn(kind, ("string", "int", "long", "datetime", "dynamic"))

    def test_streams_are_declared_used_and_sent_to(self):
        flows = self.rule["properties"]["dataFlows"]
        self.assertEqual({flow["streams"][0] for flow in flows}, set(self.streams))
        self.assertEqual({self.pipeline.value("stream_name", nth) for nth in (0, 1)},
                         set(self.streams))
        self.assertIn("[parameters('sessionStream')]", {flow["outputStream"] for flow in flows})
        self.assertIn("Custom-" + self.table["properties"]["schema"]["name"],
                      {flow["outputStream"] for flow in flows})

    def test_parameters_and_variables_are_there(self):
        text = (self.folder / "dcr.json").read_text()
        self.assertEqual(set(re.findall(r"parameters\('(\w+)'\)", text)),
                         set(self.template["parameters"]))
        self.assertEqual(set(re.findall(r"variables\('(\w+)'\)", text)),
                         set(self.template["variables"]))

    def test_the_pipeline_names_fields_that_exist(self):
        own = {"EventSchema", "@metadata.stream"}
        names = set(self.pipeline.references()) - own
        self.assertGreater(len(names), 3)
        self.assertEqual(names - event_fields(), set())

    def test_queries_name_columns_that_exist(self):
        text = re.sub(r'//.*|"[^"]*"', "", (self.folder / "queries.kql").read_text())
        words = set(re.findall(r"(?<![.\w])[A-Z]\w+", text))
        own = set(re.findall(r"\b([A-Z]\w+) =(?!=)", text))
        self.assertEqual(words - own - set(schemas.ASIM_COLUMNS) -
                         set(self.streams["Custom-SegmonStatus"]),
                         {"ASimNetworkSessionLogs", "SegmonStatus_CL"})

    def test_the_parser_takes_columns_that_exist_and_adds_what_asim_wants(self):
        text = re.sub(r"//.*", "", (self.folder / "ASimNetworkSessionSegmon.kql").read_text())
        made = dict(re.findall(r"^    (\w+) = (.*?),?$", text, re.MULTILINE))
        used = {word for value in made.values()
                for word in re.findall(r"(?<!\")\b[A-Z]\w+\b(?!\")", value)}
        self.assertEqual(used - set(schemas.ASIM_COLUMNS), set())
        self.assertLessEqual({"Src", "Dst", "EventSchema"}, set(made))


class Unit(unittest.TestCase):
    unit = RECIPES / "segmon-forward.service"

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                              timeout=60)

    def test_its_options_are_those_of_the_program(self):
        options = re.search(r'"SEGMON_FORWARD=(.*)"', self.unit.read_text())[1]
        told = subprocess.run([SEGMON, "forward", "--help"], capture_output=True, text=True,
                              check=True).stdout
        for option in re.findall(r"--[\w-]+", options):
            self.assertIn(f"{option} ", told)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "skipped: no systemd-analyze")
    def test_is_valid_and_hardly_exposed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / self.unit.name
            path.write_text(self.unit.read_text().replace("/usr/bin/segmon",
                                                          str(pathlib.Path(SEGMON).resolve())))
            run = self.analyze("verify", "--man=no", "--recursive-errors=no", path)
            self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))
            run = self.analyze("security", "--offline=true", "--threshold=20", path)
            self.assertEqual(run.returncode, 0, run.stdout[-300:])


@unittest.skipUnless(shutil.which("rsyslogd"), "skipped: no rsyslogd")
class Rsyslog(unittest.TestCase):
    def test_it_takes_the_configurations(self):
        for name in ("segmon-imtcp.conf", "segmon-imfile.conf"):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "rsyslog.conf"
                path.write_text(f'global(workDirectory="{folder}")\n' +
                                (RECIPES / "rsyslog" / name).read_text())
                run = subprocess.run(["rsyslogd", "-N1", "-iNONE", "-f", path],
                                     capture_output=True, timeout=60)
            said = run.stderr.decode()
            self.assertEqual(run.returncode, 0, said)
            self.assertEqual([line for line in said.splitlines()
                              if "validation run" not in line], [], name)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
