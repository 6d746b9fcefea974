#!/usr/bin/env python3
"""What the documents say is so: test_documents.py SEGMON [unittest options]."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COOKBOOK = ROOT / "rules/examples/cookbook.md"
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
                    [line for line in lines if line.get("severity") in ("error", "warning")], [])
                self.assertEqual((run.returncode, run.stderr), (0, b""))
                for line in lines:
                    if line.get("coverage") == "rule" and line["tier"] != "default":
                        self.assertTrue(line["exercised"], line["rule"])
            n += 1
        self.assertGreaterEqual(n, 15)


if __name__ == "__main__":
    SEGMON = sys.argv.pop(1)
    unittest.main()
