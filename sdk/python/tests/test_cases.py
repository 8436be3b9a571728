"""Every case of sdk/cases, played by both clients. sdk/cases/README.md says what its fields mean."""

from __future__ import annotations

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

import freddy_auth_client
from freddy_auth_client import MemoryStore, Tokens
from worlds import Tasks, Threads

CASES = Path(__file__).parents[2] / "cases"
NODE = os.environ.get("NODE", "node")

CALLS = {
    "login": lambda auth, given: auth.login(given["email_or_username"], given["password"]),
    "verify": lambda auth, given: auth.verify(given["email_key"], given["verification_code"]),
    "resend": lambda auth, given: auth.resend(given["email_key"]),
    "beginDeviceLogin": lambda auth, given: auth.begin_device_login(**given),
    "finishDeviceLogin": lambda auth, given: auth.finish_device_login(given),
    "refresh": lambda auth, given: auth.refresh(),
    "logout": lambda auth, given: auth.logout(),
    "getHeaders": lambda auth, given: auth.get_headers(),
    "createResponse": lambda auth, given: auth.create_response(given["model"], given["messages"]),
    "streamResponse": lambda auth, given: auth.create_response(given["model"], given["messages"], stream=True),
    "listApiKeys": lambda auth, given: auth.api_keys(),
}

#: Python has a ConnectionError and a TimeoutError of its own.
OWN_KINDS = {"connection": "ConnectionFailedError", "timeout": "TimedOutError"}


class CaseServer:
    """The server of one case, in a process of its own."""

    def __init__(self, path: Path) -> None:
        command = [NODE, "--disable-warning=ExperimentalWarning", str(CASES / "serve.ts"), str(path)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.base_url = json.loads(self._process.stdout.readline())["base_url"]

    def become(self, state: str) -> None:
        self._process.stdin.write(f"{state}\n")
        self._process.stdin.flush()
        assert json.loads(self._process.stdout.readline()) == {"did": state}

    def verdict(self):
        told, _ = self._process.communicate(timeout=60)
        return json.loads(told)


class Player:
    """Goes through the steps of a case."""

    def __init__(self, test: unittest.TestCase, world, server: CaseServer, settings) -> None:
        self._test = test
        self._world = world
        self._server = server
        self._store = MemoryStore(_tokens(settings.get("tokens")))
        chosen = {name: settings[name] for name in ("api_key", "rotate", "timeout") if name in settings}
        self.auth = world.client(server.base_url, store=self._store, **chosen)

    def take(self, step) -> None:
        if "server" in step:
            self._server.become(step["server"])
        elif "store" in step:
            self._store.save(_tokens(step["store"]))
        elif "holds" in step:
            self._test.assertEqual(self._store.load(), _tokens(step["holds"]), step)
        else:
            self._call(step)

    def _call(self, step) -> None:
        self.auth.waits.clear()
        call = CALLS[step["call"]]
        outcomes = self._world.together(step.get("together", 1), lambda: call(self.auth, step.get("with", {})))
        for outcome in outcomes:
            self._compare(step, outcome)
        if "waits" in step:
            waits = self.auth.waits
            self._test.assertEqual(len(waits), len(step["waits"]), f"{step} waited {waits}")
            for wait, (least, most) in zip(waits, step["waits"]):
                self._test.assertTrue(least <= wait <= most, f"{step} waited {waits}")

    def _compare(self, step, outcome) -> None:
        if outcome.raised is not None and "throws" not in step:
            raise outcome.raised
        if "throws" in step:
            self._compare_error(step["throws"], outcome.raised)
        if "gives" in step:
            self._test.assertTrue(fits(step["gives"], outcome.gave), f"{step} gave {outcome.gave}")
        self._test.assertTrue(fits(step.get("yields", []), outcome.events), f"{step} yielded {outcome.events}")

    def _compare_error(self, expected, raised) -> None:
        told = dict(expected)
        self._test.assertIsInstance(raised, _kind(told.pop("kind")), expected)
        for name, value in told.items():
            self._test.assertEqual(getattr(raised, name), value, f"{name} of {raised!r}")


def fits(expected, found) -> bool:
    """Whether a value is what a case expects: each field that it names, and every item of a list."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and fits(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(fits, expected, found))
    return type(expected) is type(found) and expected == found


def _kind(name: str) -> type:
    in_camels = re.sub(r"(?:^|_)(\w)", lambda match: match[1].upper(), name) + "Error"
    return getattr(freddy_auth_client, OWN_KINDS.get(name, in_camels))


def _tokens(kept):
    return kept and Tokens(kept["token"], kept["refreshToken"])


class Cases(unittest.TestCase):
    """One test for each case and each world, made below."""

    def play(self, path: Path, world) -> None:
        case = json.loads(path.read_text("utf-8"))
        server = CaseServer(path)
        try:
            player = Player(self, world, server, case.get("client", {}))
            for step in case["steps"]:
                player.take(step)
            world.close(player.auth)
        finally:
            verdict = server.verdict()
            world.end()
        self.assertEqual(verdict["problems"], [])


def _test_of(path: Path, world):
    def test(self):
        self.play(path, world())

    test.__doc__ = f"case {path.stem}, {world.name}"
    return test


for _path in sorted(CASES.glob("*.json")):
    for _world in (Threads, Tasks):
        setattr(Cases, f"test_{_path.stem.replace('-', '_')}_{_world.name}", _test_of(_path, _world))


if __name__ == "__main__":
    unittest.main()
