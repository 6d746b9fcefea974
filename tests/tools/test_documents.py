#!/usr/bin/env python3
"""What the documents say is so: test_documents.py SEGMON [unittest options]."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COOKBOOK = ROOT / "rules/examples/cookbook.md"
LANGUAGE = ROOT / "rules/segmon-policy.5"
PROGRAM = ROOT / "tools/segmon.1"
EVENTS = ROOT / "tools/event/segmon-events.5"
SCHEMAS = ROOT / "tools/forward/segmon-schemas.5"
METRICS = ROOT / "tools/metrics/segmon-metrics.5"
CONFIGURATION = ROOT / "tools/settings/segmon.yaml.5"
SCHEMA = ROOT / "tools/event/schema"
SEGMON = None


class Cookbook(unittest.TestCase):
    def recipes(self):
        """Title and policy of each."""
        parts = re.split(r"^## (.*)$", COOKBOOK.read_text(), flags=re.MULTILINE)[1:]
        for title, text in zip(parts[::2], parts[1::2]):
            for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
                yield title, block

    def test_every_recipe_loads_passes_its_tests_and_exercises_its_rules(self):
        n = 0
        for title, policy in self.recipes():
            with self.subTest(title), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "recipe.yaml"
                path.write_text(policy)
                run = subprocess.run(
                    [SEGMON, "check", "-p", str(path), "--format", "json", "--coverage"],
                    capture_output=True, timeout=60)
                lines = [json.loads(line) for line in run.stdout.splitlines()]
                self.assertEqual(
                    {line["code"] for line in lines if line.get("severity") in ("error", "warning")},
                    set(re.findall(r"# warns: ([A-Z-]+)", policy)), lines)
                self.assertEqual((run.returncode, run.stderr), (0, b""))
                for line in lines:
                    if line.get("tier") in ("guardrail", "rule", "pair"):
                        self.assertTrue(line["exercised"], line["rule"])
            n += 1
        self.assertGreaterEqual(n, 15)


def headings(page):
    """The lines under each heading of a page."""
    found, heading = {}, None
    for line in page.read_text().splitlines():
        if line.startswith((".Sh ", ".Ss ")):
            heading = line[4:].strip('"').lower()
            found[heading] = []
        elif heading:
            found[heading].append(line)
    return found


class Events(unittest.TestCase):
    def test_the_page_says_what_the_schema_says(self):
        made = subprocess.run(
            [sys.executable, SCHEMA / "manual.py", SCHEMA / "segmon-event-1.0.json"],
            capture_output=True, check=True).stdout.decode()
        self.assertEqual(made, EVENTS.read_text(), f"make {EVENTS} again")


class Schemas(unittest.TestCase):
    def test_the_page_says_what_the_tables_say(self):
        made = subprocess.run([sys.executable, ROOT / "tools/forward/manual.py"],
                              capture_output=True, check=True).stdout.decode()
        self.assertEqual(made, SCHEMAS.read_text(), f"make {SCHEMAS} again")


class Pages(unittest.TestCase):
    def test_they_are_well_formed(self):
        checkers = (["groff", "-mdoc", "-ww", "-z", "-Tutf8"],
                    ["mandoc", "-Tlint", "-Wwarning"])
        checkers = [checker for checker in checkers if shutil.which(checker[0])]
        if not checkers:
            self.skipTest("neither groff nor mandoc is here")
        for checker in checkers:
            for page in (LANGUAGE, PROGRAM, EVENTS, METRICS, SCHEMAS, CONFIGURATION):
                run = subprocess.run([*checker, str(page)], capture_output=True, timeout=60)
                self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))

    def test_every_option_is_there_and_no_other(self):
        page = headings(PROGRAM)
        for command in ("check", "doctor", "explain", "forward", "reconcile", "replay", "run", "tail", "top"):
            run = subprocess.run([SEGMON, command, "--help"], capture_output=True, timeout=60)
            lines = [line for line in run.stdout.decode().splitlines()
                     if re.match(r" +(-\w, )?--", line)]
            options = set(re.findall(r"(?:^ +|, )(?:-\w, )?--([\w-]+)", "\n".join(lines),
                                     re.MULTILINE))
            self.assertGreater(len(options), 4)
            shown = re.findall(r"^\.It (?:Fl \w , )?Fl -([\w-]+)", "\n".join(page[command]),
                               re.MULTILINE)
            self.assertEqual(len(shown), len(set(shown)))
            self.assertEqual(set(shown), options, command)


    def test_every_finding_of_the_doctor_is_there_with_its_severity(self):
        table = (ROOT / "tools/doctor/diagnosis_codes.h").read_text().replace("\\\n", "")
        codes = [(code, severity.lower()) for code, severity in
                 re.findall(r'X\(\w+,\s*"(D-[A-Z-]+)",\s*(\w+),', table)]
        self.assertGreater(len(codes), 40)
        lines = headings(PROGRAM)["findings"]
        shown = [tuple(line.split()[2:]) for line in lines if line.startswith(".It Er ")]
        self.assertEqual(shown, codes)


class Settings(unittest.TestCase):
    """segmon.yaml(5) against the tables of settings_keys.h, as the program prints them."""

    def setUp(self):
        self.headings = headings(CONFIGURATION)

    def printed(self, text="sensor: s\n"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "segmon.yaml"
            path.write_text(text)
            run = subprocess.run([SEGMON, "check", "-C", path, "--print"],
                                 capture_output=True, timeout=60)
            self.assertEqual((run.returncode, run.stderr), (0, b""))
        return run.stdout.decode()

    def test_every_key_is_there_with_its_default_and_no_other(self):
        found, parts = {}, []
        for line in self.printed().splitlines():
            depth = (len(line) - len(line.lstrip())) // 2
            name, _, value = line.strip().partition(":")
            parts[depth:] = [name]
            if value:
                found.setdefault(".".join(parts[:-1]) or "the top level", {})[name] = value.strip()
        self.assertGreater(sum(map(len, found.values())), 30)
        for section, keys in found.items():
            with self.subTest(section):
                shown = dict(re.findall(r"^\.It Cm (\w+) Bq (.*)$",
                                        "\n".join(self.headings[section]), re.MULTILINE))
                keys = {key: value.strip("[]") if value not in ('""', "[]") else "none"
                        for key, value in keys.items()}
                if "sensor" in keys:
                    keys["sensor"] = "the name of the host"
                self.assertEqual(shown, keys)

    def test_every_key_of_an_output_is_there_and_no_other(self):
        header = (ROOT / "tools/settings/settings_keys.h").read_text()
        body = header[header.index("#define SETTINGS_OUTPUT_KEYS"):]
        keys = re.findall(r'X\("(\w+)"', body)
        self.assertEqual(re.findall(r"^\.It Cm (\w+)$", "\n".join(self.headings["an output"]),
                                    re.MULTILINE), keys)

    def test_what_is_reloaded_is_marked(self):
        header = (ROOT / "tools/settings/settings_keys.h").read_text().replace("\\\n", " ")
        hot = re.findall(r'X\("([\w.]+)"(?:(?!X\().)*?\bHOT(?:_LIVE)?\b', header)
        self.assertEqual(hot.pop(), "flows.timeouts.")  # Of all that follow from one line.
        hot += ["flows.timeouts." + name
                for name in re.findall(r'SETTINGS_TIMEOUT\(X, "(\w+)"', header)]
        marked = []
        for section, lines in self.headings.items():
            for line in lines:
                if line.startswith(".It Cm "):
                    key = (section, line.split()[2])
                elif line == ".Em Reloaded .":
                    marked.append(".".join(key).removeprefix("the top level."))
        self.assertGreater(len(hot), 4)
        self.assertEqual(sorted(marked), sorted(hot))

    def test_every_code_is_there_and_no_other(self):
        codes = set()
        for path in [*(ROOT / "tools/settings").glob("settings*.c"),
                     ROOT / "rules/load/yaml_doc.c"]:
            codes |= set(re.findall(r'"([EW]-[A-Z0-9-]+)"', path.read_text()))
        shown = re.findall(r"^\.It Er (\S+)$", "\n".join(self.headings["mistakes"]), re.MULTILINE)
        self.assertEqual(shown, sorted(codes))

    def test_its_limits_are_those_of_the_program(self):
        said = " ".join(" ".join(lines) for lines in self.headings.values())
        for path, name, text in (
                ("settings/settings_memory.c", "PROGRAM_BYTES (112 * MIB)", "program itself 112M"),
                ("settings/settings_memory.c", "WORKER_BYTES  (12 * MIB)", "12M for each worker"),
                ("settings/settings_memory.c", "OUTPUT_BYTES  (3 * MIB)", "3M for each output"),
                ("redis/redis_template.h", "REDIS_TEMPLATE_MAX = 200", "at most 200 bytes"),
                ("settings/settings.h", "SETTINGS_MAX_FIELD = 64", "at most 64 letters"),
                ("settings/settings_memory.c", "DPI_PART = 8", "an eighth"),
                ("output/output.h", "OUTPUT_QUEUE_BYTES = 4 << 20", "4M for each worker and two"),
                ("event/event.h", "EVENT_MAX_OUTPUTS = 4", "At most four"),
                ("event/event.h", "EVENT_MAX_INTERFACES = 8", "at most eight"),
                ("event/event.h", "EVENT_MAX_SENSOR = 64", "at most 64 letters"),
                ("runtime/pipeline.h", "PIPELINE_MAX_WORKERS = 64", "to 64")):
            self.assertIn(name, (ROOT / "tools" / path).read_text())
            self.assertIn(text, said)

    def test_its_example_is_in_order(self):
        page = CONFIGURATION.read_text()
        example = page[page.index(".Bd -literal"):page.index(".Ed")].split("\n", 1)[1]
        self.assertIn("memory: 2G\n", self.printed(
            "".join(line for line in example.splitlines(True)
                    if "policy" not in line and "password_file" not in line)))


class Language(unittest.TestCase):
    """segmon-policy(5) against the tables the program is made of."""

    @classmethod
    def setUpClass(cls):
        cls.headings = headings(LANGUAGE)

    def items(self, heading, macro):
        """The names of the list under a heading, with what stands behind them."""
        found = [line.removeprefix(f".It {macro} ").split(" ", 1)
                 for line in self.headings[heading] if line.startswith(f".It {macro} ")]
        names = [item[0] for item in found]
        self.assertEqual(len(names), len(set(names)), f"twice in {heading}")
        return {item[0]: item[1] if len(item) > 1 else "" for item in found}

    @staticmethod
    def key_tables():
        """Keys of each section as policy_keys.h has them: name to 'required'."""
        header = (ROOT / "rules/load/policy_keys.h").read_text()
        for name, body in re.findall(r"#define KEYS_(\w+)\(X\)(.*?)\n\n", header, re.DOTALL):
            keys = re.findall(r'X\(\w+,\s*"(\w+)",\s*KEY_\w+,\s*(true|false)',
                              body.replace("\\\n", " "))
            yield name, {key: required == "true" for key, required in keys}

    def test_every_key_is_there_and_no_other(self):
        source = (ROOT / "rules/load/policy_keys.c").read_text()
        names = dict(re.findall(r'\{keys_(\w+), IN_\w+_N, "([\w ]+)"\}', source))
        tables = dict(self.key_tables())
        self.assertEqual({name.lower() for name in tables}, names.keys())
        self.assertGreater(sum(map(len, tables.values())), 140)
        for name, keys in tables.items():
            with self.subTest(name):
                shown = self.items(names[name.lower()], "Cm")
                self.assertEqual({key: "required" in text for key, text in shown.items()}, keys)

    def test_every_fact_of_a_flow_is_there_and_no_other(self):
        source = (ROOT / "rules/judge/flow_test.c").read_text()
        facts = re.findall(r'^    \{"(\w+)", read_\w+,', source, re.MULTILINE)
        self.assertGreater(len(facts), 20)
        self.assertEqual(list(self.items("facts of a flow", "Cm")), facts)

    def test_every_code_is_there_and_no_other(self):
        codes = set()
        for path in (ROOT / "rules").rglob("*.c"):
            codes |= set(re.findall(r'"([EWI]-[A-Z0-9-]+)"', path.read_text()))
        self.assertGreater(len(codes), 40)
        shown = [*self.items("mistakes", "Er"), *self.items("warnings", "Er")]
        self.assertEqual(shown, sorted(codes))

    def test_every_built_in_service_is_there_and_no_other(self):
        source = (ROOT / "rules/services.c").read_text()
        services = dict(re.findall(r'\{"([a-z0-9-]+)",\s*"([a-z0-9/ -]+)"\}', source))
        self.assertGreater(len(services), 80)
        lines = self.headings["built-in services"]
        shown = {line.removeprefix(".It Cm "): lines[i + 1]
                 for i, line in enumerate(lines) if line.startswith(".It ")}
        self.assertEqual(shown, services)

    def test_its_limits_are_those_of_the_program(self):
        """What the page says of each limit; '20000' stands for the number."""
        said = " ".join(self.headings["limits"])
        for path, name, text in (
                ("load/policy_load.h", "LOAD_MAX_FILES = 65", "64 included files"),
                ("load/policy_load.h", "LOAD_MAX_DEPTH = 8", "8 deep"),
                ("load/yaml_doc.h", "YAML_DOC_MAX_BYTES = 1 << 20", "1 MiB"),
                ("load/yaml_doc.h", "YAML_DOC_MAX_DEPTH = 64", "lists 64 deep"),
                ("load/yaml_doc.h", "YAML_DOC_MAX_ALIASED = 100000", "100000 nodes"),
                ("segments.h", "SEGMENTS_MAX = 1024", "1024 segments"),
                ("segments.h", "SEGMENTS_MAX_NETWORKS = 1 << 17", "131072 networks"),
                ("policy_impl.h", "POLICY_MAX_RULES = 20000", "20000 rules"),
                ("policy_impl.h", "POLICY_MAX_PAIRS = 2000", "2000 pairs"),
                ("policy_impl.h", "POLICY_MAX_COMPILED_BYTES = 256 << 20", "256 MiB"),
                ("problems.h", "PROBLEMS_MAX = 200", "200 are told")):
            self.assertIn(name, (ROOT / "rules" / path).read_text())
            self.assertIn(text, said)

    def test_its_example_loads_and_passes_its_test(self):
        page = LANGUAGE.read_text()
        example = page[page.index(".Bd -literal"):page.index(".Ed")].split("\n", 1)[1]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "policy.yaml"
            path.write_text(example)
            run = subprocess.run([SEGMON, "check", "-p", str(path)], capture_output=True, timeout=60)
            self.assertEqual((run.returncode, run.stderr), (0, b""))
            self.assertIn(b"1 tests passed", run.stdout)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
