#!/usr/bin/env python3
"""What is said of metrics is so: test_metrics_pages.py WRITE_METRICS_SAMPLE."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "tools/metrics/segmon-metrics.5"
PROMETHEUS = ROOT / "tools/integrations/prometheus"
RULES = PROMETHEUS / "segmon.rules.yml"
DASHBOARD = PROMETHEUS / "segmon-dashboard.json"
RULES_TEST = ROOT / "tests/tools/segmon.rules_test.yml"
SAMPLE = None


def sample():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "sample"
        subprocess.run([SAMPLE, path], check=True)
        return path.read_text()


class Page(unittest.TestCase):
    def test_lists_every_metric_and_no_other(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "sample"
            subprocess.run([SAMPLE, path], check=True)
            made = subprocess.run([sys.executable, ROOT / "tools/metrics/metrics_manual.py", path],
                                  capture_output=True, check=True).stdout.decode()
        self.assertEqual(made, PAGE.read_text(), f"make {PAGE} again")

    def test_has_a_sample_of_every_family_to_learn_labels_from(self):
        text = sample()
        named = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
        self.assertGreater(len(named), 60)
        self.assertEqual(named, set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE)))


def types(text):
    return dict(re.findall(r"^# TYPE (\w+) (\w+)", text, re.MULTILINE))


def labels(text, name):
    """Those that some sample of it has."""
    found = re.findall(rf"^{name}{{(.*)}} ", text, re.MULTILINE)
    return {key for sample in found for key in re.findall(r'(\w+)="', sample)}


class Integrations(unittest.TestCase):
    """Alerts and the dashboard ask for what there is."""

    def check(self, expressions):
        text = sample()
        there = types(text)
        for expression in expressions:
            names = re.findall(r"\bsegmon_\w+", expression)
            self.assertTrue(names or expression == 'up{job="segmon"} == 0', expression)
            for name in names:
                self.assertIn(name, there, expression)
            for name, inside in re.findall(r"(segmon_\w+){([^}]*)}", expression):
                self.assertLessEqual(set(re.findall(r"(\w+)=", inside)),
                                     labels(text, name) | {"instance"}, expression)
            for name in re.findall(r"(?:rate|increase)\((segmon_\w+)", expression):
                self.assertEqual(there[name], "counter", expression)
            wanted = {label for by in re.findall(r"by \(([^)]*)\)", expression)
                      for label in by.split(", ")}
            self.assertLessEqual(wanted, set.union({"instance"}, *(labels(text, n) for n in names)))

    def test_alerts(self):
        text = re.sub(r">-\n((?: {10,}.*\n)+)", lambda m: " ".join(m[1].split()) + "\n",
                      RULES.read_text())
        expressions = re.findall(r"^ +expr: (.*)$", text, re.MULTILINE)
        self.assertGreater(len(expressions), 10)
        self.check(expressions)

    def test_dashboard(self):
        dashboard = json.loads(DASHBOARD.read_text())
        self.assertGreater(len(dashboard["panels"]), 10)
        self.check(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@unittest.skipUnless(shutil.which("promtool"), "promtool is missing (prometheus)")
class Promtool(unittest.TestCase):
    def run_tool(self, *arguments, text=None):
        run = subprocess.run(["promtool", *arguments], input=text, capture_output=True, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, b""), run.stdout.decode())
        return run.stdout.decode()

    def test_finds_nothing_to_say_of_metrics(self):
        self.assertEqual(self.run_tool("check", "metrics", text=sample().encode()), "")

    def test_finds_alerts_sound(self):
        self.assertIn("SUCCESS", self.run_tool("check", "rules", RULES))

    def test_alerts_come_when_they_should(self):
        alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
        text = RULES_TEST.read_text()
        self.assertEqual(alerts, set(re.findall(r"alertname: (\w+)$", text, re.MULTILINE)))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "test.yml"
            path.write_text(text.replace("RULES", str(RULES)))
            self.run_tool("test", "rules", path)


if __name__ == "__main__":
    SAMPLE = sys.argv.pop(1)
    unittest.main()
