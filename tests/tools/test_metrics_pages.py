#!/usr/bin/env python3
"""What is said of metrics is so: test_metrics_pages.py WRITE_METRICS_SAMPLE."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "tools/runtime/segmon-metrics.5"
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
            made = subprocess.run([sys.executable, ROOT / "tools/runtime/metrics_manual.py", path],
                                  capture_output=True, check=True).stdout.decode()
        self.assertEqual(made, PAGE.read_text(), f"make {PAGE} again")

    def test_has_a_sample_of_every_family_to_learn_labels_from(self):
        text = sample()
        named = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
        self.assertGreater(len(named), 60)
        self.assertEqual(named, set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE)))


@unittest.skipUnless(shutil.which("promtool"), "promtool is missing (prometheus)")
class Promtool(unittest.TestCase):
    def test_finds_nothing_to_say(self):
        run = subprocess.run(["promtool", "check", "metrics"], input=sample().encode(),
                             capture_output=True, timeout=60)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))


if __name__ == "__main__":
    SAMPLE = sys.argv.pop(1)
    unittest.main()
