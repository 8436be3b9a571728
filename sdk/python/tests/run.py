"""Runs the tests of this folder and prints a line of JSON for each: its name, how it ended, and what went wrong.

`python3 tests/run.py` runs all, `python3 tests/run.py test_stores` one file. server/test/sdk-python.test.ts shows each
line as a test of its own.
"""

import json
import sys
import traceback
import unittest
from pathlib import Path

FOLDER = Path(__file__).parent


class Told(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.wrong = []

    def addError(self, test, err):
        self.wrong.append("".join(traceback.format_exception(*err)))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.wrong.append(f"{subtest}\n" + "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        self.wrong.append(f"It was skipped: {reason}")

    def addUnexpectedSuccess(self, test):
        self.wrong.append("It was expected to fail")

    def stopTest(self, test):
        name = test.shortDescription() or str(test)
        print(json.dumps({"name": name, "wrong": self.wrong}), flush=True)


def main(names):
    sys.path.insert(0, str(FOLDER))
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(FOLDER))
    # What cannot be imported fails by itself: the loader puts a failing test in its place.
    suite.run(Told())


if __name__ == "__main__":
    main(sys.argv[1:])
