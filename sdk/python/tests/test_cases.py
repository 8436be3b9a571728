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


class CaseServers:
    """Plays the server of one case after the other, all of them in one process."""

    def __init__(self) -> None:
        command = [NODE, "--disable-warning=ExperimentalWarning", str(CASES / "serve.ts")]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def play(self, path: Path) -> str:
        """Begins a case; answers the address of its server."""
        return self._tell(f"play {path}")["base_url"]

    def become(self, state: str) -> None:
        assert self._tell(state) == {"did": state}

    def verdict(self):
        return self._tell("end")

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _tell(self, command: str):
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Player:
    """Goes through the steps of a case."""

    def __init__(self, test: unittest.TestCase, world, servers: CaseServers, base_url: str, settings) -> None:
        self._test = test
        self._world = world
        self._servers = servers
        self._store = MemoryStore(_tokens(settings.get("tokens")))
        chosen = {name: settings[name] for name in ("api_key", "rotate", "timeout") if name in settings}
        self.auth = world.client(base_url, store=self._store, **chosen)

    def take(self, step) -> None:
        if "server" in step:
            self._servers.become(step["server"])
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

    @classmethod
    def setUpClass(cls):
        cls.servers = CaseServers()

    @classmethod
    def tearDownClass(cls):
        cls.servers.close()

    def play(self, path: Path, world) -> None:
        case = json.loads(path.read_text("utf-8"))
        base_url = self.servers.play(path)
        try:
            player = Player(self, world, self.servers, base_url, case.get("client", {}))
            for step in case["steps"]:
                player.take(step)
            world.close(player.auth)
        finally:
            verdict = self.servers.verdict()
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
