#!/usr/bin/env python3
"""README.md's table is whole, and what it names is run: test_matrix.py CTEST BUILD."""
import ast
import json
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
N_ROWS = 35
CTEST = BUILD = None


def rows():
    """Number and names of tests, of each row."""
    for line in (HERE / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].isdigit():
            yield int(cells[0]), re.findall("`([^`]+)`", cells[3])


def commands():
    """Words of the commands of all tests that ctest would run."""
    shown = subprocess.run([CTEST, "--show-only=json-v1"], cwd=BUILD, check=True,
                           capture_output=True, text=True).stdout
    for test in json.loads(shown)["tests"]:
        disabled = any(p["name"] == "DISABLED" and p["value"] for p in test["properties"])
        if not disabled:
            yield test.get("command", [])


def methods(path):
    """CLASS.METHOD of each test in it, inherited ones left out."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}"


class Matrix(unittest.TestCase):
    def test_has_every_row_with_a_test(self):
        found = list(rows())
        self.assertEqual([number for number, _ in found], list(range(1, N_ROWS + 1)))
        for number, names in found:
            self.assertTrue(names, number)

    def test_names_tests_that_are_there(self):
        for number, names in rows():
            for name in names:
                file, _, test = name.partition(": ")
                with self.subTest(row=number, name=name):
                    path = TESTS / file
                    self.assertTrue(path.is_file())
                    if path.suffix == ".py":
                        self.assertIn(test, set(methods(path)))
                    elif path.suffix == ".c":
                        self.assertRegex(path.read_text(),
                                         rf"cmocka_unit_test\w*\(\s*{re.escape(test)}\b")

    def test_names_tests_that_are_run(self):
        run = {word for command in commands() for word in command}
        programs = {pathlib.Path(word).name for word in run}
        for number, names in rows():
            for name in names:
                path = TESTS / name.partition(": ")[0]
                with self.subTest(row=number, name=name):
                    if path.suffix == ".c":  # test_FOLDER_NAME is made of test_NAME.c.
                        self.assertTrue(any(program.startswith("test_") and program.endswith(
                            path.stem.removeprefix("test")) for program in programs))
                    else:
                        self.assertIn(str(path), run)


if __name__ == "__main__":
    CTEST, BUILD = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
