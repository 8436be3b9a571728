"""What goes wrong has the right class, and says what its reader needs."""

from __future__ import annotations

import pickle
import re
import unittest

import httpx

from freddy_auth_client import (
    ApiError,
    ConnectionFailedError,
    FreddyError,
    RateLimitError,
    SessionEndedError,
    UnexpectedAnswerError,
    errors,
)
from freddy_auth_client.retry import LONGEST_WAIT, pause_before_retry
from freddy_auth_client.wire import body_of, refusal


def answer(status, **parts):
    return httpx.Response(
        status, request=httpx.Request("GET", "http://secret:secret@127.0.0.1/v1/secret?secret=1"), **parts
    )


def drawn():
    """The tree at the top of the module, as pairs of a class and its parent."""
    lines = re.findall(r"^([│ ├└─]*)(\w+Error)\b", errors.__doc__, re.M)
    above = {}
    for stem, name in lines:
        depth = len(stem) // 4
        above[depth] = name
        yield name, above.get(depth - 1)


class Errors(unittest.TestCase):
    def test_tree(self):
        """the tree that is drawn is the one that is there"""
        there = {
            name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
        }
        pairs = dict(drawn())
        self.assertEqual(set(pairs), set(there))
        for name, parent in pairs.items():
            self.assertEqual(there[name].__base__.__name__, parent or "Exception", name)

    def test_statuses(self):
        """each status of the tree has the class that is drawn beside it"""
        told = re.findall(r"(\w+Error) +(\d{3}[\d, ]*)[:\n]", errors.__doc__ + "\n")
        self.assertGreater(len(told), 8)
        for name, statuses in told:
            for status in re.findall(r"\d+", statuses):
                kind = errors.kind_of(int(status), None)
                self.assertTrue(issubclass(kind, getattr(errors, name)), status)

    def test_told(self):
        """an error tells code, status, seconds to wait, request and details"""
        body = {"error": {"code": "TOO_MANY_REQUESTS", "message": "Later", "details": {"retry_after": 3}}}
        error = refusal(answer(429, json=body, headers={"x-request-id": "req_1"}))
        self.assertIsInstance(error, RateLimitError)
        self.assertEqual((error.code, error.status, error.retry_after), ("TOO_MANY_REQUESTS", 429, 3.0))
        self.assertEqual(str(error), "Later (TOO_MANY_REQUESTS, request req_1)")

    def test_strange_answers(self):
        """an answer of any shape becomes an error that can be caught"""
        shapes = [b"", b"\xff\xfe", b"null", b"[]", b'"text"', b'{"error": "text"}', b'{"error": {"code": 7}}']
        shapes += [b'{"error": {"details": []}}', b"<html>"]
        for status in (300, 400, 401, 404, 418, 429, 500, 503, 599):
            for shape in shapes:
                error = refusal(answer(status, content=shape))
                self.assertIsInstance(error, FreddyError)
                self.assertIn(str(status), str(error))
                self.assertNotIn("secret", str(error))
        for shape in shapes[1:5]:
            with self.assertRaises(UnexpectedAnswerError):
                body_of(answer(200, content=shape))
        with self.assertRaises(UnexpectedAnswerError):
            body_of(answer(200, json={"message": "hello"}), "email_key")

    def test_waits(self):
        """no header makes the client wait for longer than it should, or crash"""
        for value in ("nonsense", "-5", "1e99", "nan", "inf", "", "Mon, 99 Foo 2026", "Mon, 23 Nov 2026 12:00:05 GMT"):
            error = refusal(answer(503, headers={"retry-after": value}))
            pause = pause_before_retry(error, 1, "always")
            self.assertTrue(pause is None or 0 <= pause <= LONGEST_WAIT + 2, value)

    def test_repeats(self):
        """a step of signing in is never repeated, and nothing more than twice"""
        busy = refusal(answer(503))
        lost = ConnectionFailedError("lost")
        self.assertIsNotNone(pause_before_retry(busy, 1, "when-turned-away"))
        self.assertIsNone(pause_before_retry(lost, 1, "when-turned-away"))
        self.assertIsNotNone(pause_before_retry(lost, 2, "always"))
        for error in (busy, lost):
            self.assertIsNone(pause_before_retry(error, 1, "never"))
            self.assertIsNone(pause_before_retry(error, 3, "always"))

    def test_pickled(self):
        """an error goes from one process to another whole"""
        error = SessionEndedError("Over", code="TOKEN_INVALID", status=401, details={"reason": "logout"})
        copy = pickle.loads(pickle.dumps(error))
        self.assertIsInstance(copy, ApiError)
        self.assertEqual((str(copy), copy.reason, copy.status), (str(error), "logout", 401))


if __name__ == "__main__":
    unittest.main()
