#!/usr/bin/env python3
"""test_instructions.py [unittest options]: what 'run --check' lets pass, and what
it does not.  The counts are made up."""
import contextlib
import io
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0:0] = [str(HERE), str(HERE.parents[0] / "support")]
sys.dont_write_bytecode = True
from suite import instructions  # noqa: E402

COMMITTED = {("segmon", "mix"): ("abc", 1000000)}


def compare(count, digest="abc", program="segmon"):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = instructions.compare(COMMITTED, [(program, "mix", 100, digest, count)])
    return status, said.getvalue()


class Check(unittest.TestCase):
    def test_lets_small_changes_pass(self):
        for count in (1049000, 1000000, 951000):
            status, said = compare(count)
            self.assertEqual(status, 0)
            self.assertIn("fine", said)

    def test_refuses_more_than_five_percent(self):
        status, said = compare(1051000)
        self.assertEqual(status, 1)
        self.assertIn("+5.10%  SLOWER", said)

    def test_wants_to_be_told_of_progress(self):
        status, said = compare(949000)
        self.assertEqual(status, 0)
        self.assertIn("run with --update", said)

    def test_does_not_compare_other_captures_or_programs(self):
        self.assertEqual(compare(1000000, digest="abd")[0], 1)
        self.assertEqual(compare(1000000, program="segmon, new")[0], 1)

    def test_the_committed_file_has_every_case(self):
        machine, rows = instructions.read()
        programs = {program for program, _ in instructions.CASES}
        self.assertEqual(set(rows), {*instructions.CASES, *((name, "empty") for name in programs)})
        self.assertIn("compiler", machine)
        self.assertIn("libndpi", machine)


if __name__ == "__main__":
    unittest.main()
