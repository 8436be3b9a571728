"""Who signs in, out or asks while a store is busy: what was done last counts, in memory and in the store."""

from __future__ import annotations

import asyncio
import unittest

import httpx

from freddy_auth_client import (
    AsyncFreddyAuth,
    FreddyAuth,
    MemoryStore,
    NotSignedInError,
    SessionEndedError,
    Tokens,
    TokenStoreError,
)
from worlds import Tasks, Threads, one

BASE_URL = "http://127.0.0.1:1/v1"
FIRST = Tokens("access-1", "refresh-1")
SECOND = Tokens("access-2", "refresh-2")


def answer(request: httpx.Request) -> httpx.Response:
    """Whoever verifies or refreshes gets the second tokens; the first are over."""
    if request.headers.get("authorization") == "Bearer access-1" and not request.url.path.endswith("/logout"):
        return httpx.Response(401, json={"error": {"code": "TOKEN_EXPIRED"}})
    return httpx.Response(200, json={"token": "access-2", "refreshToken": "refresh-2", "output_text": "Hello"})


class SlowStore:
    """A store whose first call of one kind is slow: others overtake it."""

    def __init__(self, slow, kept):
        self._memory = MemoryStore(kept)
        self._slow = slow
        self.overtaking = lambda: None

    def load(self):
        found = self._memory.load()
        self._pass("load")
        return found

    def save(self, tokens):
        self._pass("save")
        self._memory.save(tokens)

    def clear(self):
        self._pass("clear")
        self._memory.clear()

    def slow_again(self, slow):
        self._slow = slow

    def _pass(self, what):
        if what == self._slow:
            self._slow = None
            self.overtaking()


class Overtaken:
    """Told once, for both worlds below."""

    world_of = None

    def setUp(self):
        self.world = self.world_of()

    def tearDown(self):
        self.world.close(self.auth)
        self.world.end()

    def shortDescription(self):
        return f"{super().shortDescription()}, {self.world_of.name}"

    def client(self, slow, kept, overtaking):
        """A client whose first call of this kind to its store is overtaken by another call."""
        self.store = SlowStore(slow, kept)
        self.auth = self.world.client(BASE_URL, store=self.store, transport=httpx.MockTransport(answer))
        self.store.overtaking = lambda: self.world.meanwhile(lambda: overtaking(self.auth))
        return self.auth

    def ask(self, call):
        return one(self.world, lambda: call(self.auth))

    def assert_signed_out(self):
        self.assertIsNone(self.auth.tokens)
        self.assertIsNone(self.store.load())

    def assert_signed_in(self):
        self.assertEqual(self.auth.tokens, SECOND)
        self.assertEqual(self.store.load(), SECOND)

    def test_in_while_loaded(self):
        """who signs in while the store is read has the new session"""
        for kept in (FIRST, None):
            self.client("load", kept, sign_in)
            try:
                said = self.ask(say_hello)
            except NotSignedInError:
                self.fail("the sign-in was lost")
            self.assertEqual(said["output_text"], "Hello")
            self.assert_signed_in()

    def test_out_while_loaded(self):
        """who signs out while the store is read stays signed out"""
        self.client("load", FIRST, sign_out)
        with self.assertRaises(NotSignedInError):
            self.ask(say_hello)
        self.assert_signed_out()

    def test_out_while_renewed(self):
        """who signs out while renewed tokens are saved stays signed out"""
        self.client("save", FIRST, sign_out)
        with self.assertRaises(SessionEndedError):
            self.ask(say_hello)
        self.assert_signed_out()

    def test_out_while_saved(self):
        """a log-out that overtakes the save of a sign-in leaves nothing in the store"""
        self.client("save", None, sign_out)
        self.ask(sign_in)
        self.assert_signed_out()

    def test_in_while_cleared(self):
        """who signs in while a log-out clears the store stays signed in"""
        self.client("clear", FIRST, sign_in)
        self.ask(sign_out)
        self.assert_signed_in()

    def test_still_kept(self):
        """what the store still keeps during a log-out signs nobody in"""
        seen = []
        self.client("clear", FIRST, sign_out)
        self.store.overtaking = lambda: seen.append(self.auth.tokens)
        self.ask(sign_out)
        self.assertEqual(seen, [None])
        self.assert_signed_out()

    def test_not_cleared(self):
        """a store that cannot be cleared says so, and does not sign in again who signed out"""

        def fail():
            raise TokenStoreError("the disk is full")

        self.client("clear", FIRST, sign_out)
        self.store.overtaking = fail
        for _ in range(2):
            with self.assertRaises(TokenStoreError):
                self.store.slow_again("clear")
                self.ask(sign_out)
            self.assertIsNone(self.auth.tokens)
        self.store.save(SECOND)
        self.assertEqual(self.auth.tokens, SECOND)


def sign_in(auth):
    return auth.verify("uuid-1", 2290)


def sign_out(auth):
    return auth.logout()


def say_hello(auth):
    return auth.create_response("echo-1", [])


class OnThreads(Overtaken, unittest.TestCase):
    world_of = Threads


class OnTasks(Overtaken, unittest.TestCase):
    world_of = Tasks


class StoppedLogOut(unittest.TestCase):
    def test_cancelled(self):
        """a log-out that is cancelled has forgotten the tokens all the same"""

        async def main():
            asked = asyncio.Event()

            class Silent(httpx.AsyncBaseTransport):
                async def handle_async_request(self, request):
                    asked.set()
                    await asyncio.Event().wait()

            store = MemoryStore(FIRST)
            http = httpx.AsyncClient(transport=Silent())
            async with AsyncFreddyAuth(BASE_URL, store=store, http=http) as auth:
                leaving = asyncio.create_task(auth.logout())
                await asked.wait()
                leaving.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await leaving
                self.assertIsNone(auth.tokens)
                self.assertIsNone(store.load())

        asyncio.run(main())

    def test_interrupted(self):
        """a log-out that is interrupted has forgotten the tokens all the same"""

        class Interrupted(httpx.BaseTransport):
            def handle_request(self, request):
                raise KeyboardInterrupt

        store = MemoryStore(FIRST)
        http = httpx.Client(transport=Interrupted())
        with FreddyAuth(BASE_URL, store=store, http=http) as auth:
            with self.assertRaises(KeyboardInterrupt):
                auth.logout()
            self.assertIsNone(auth.tokens)
        self.assertIsNone(store.load())


if __name__ == "__main__":
    unittest.main()
