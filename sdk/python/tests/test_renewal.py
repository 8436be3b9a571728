"""Who renews a token when many want to. A plan does no I/O, so these tests take its steps by hand, in any order."""

from __future__ import annotations

import threading
import unittest

import httpx

from freddy_auth_client import MemoryStore, SessionEndedError, TimedOutError, Tokens
from freddy_auth_client.session import Session
from freddy_auth_client.steps import Join, Pause, Request, Send, Work

FIRST = Tokens("access-1", "refresh-1")
SECOND = Tokens("access-2", "refresh-1")


def answer(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("POST", "http://127.0.0.1/v1/auth/refresh"))


def session_of(store, rotate=False):
    return Session(store, threading.Event, api_key=None, rotate=rotate, timeout=None)


def on(plan, result=None):
    """Takes the steps that only look into the store; answers the next one that does more."""
    step = plan.send(result)
    while isinstance(step, Work):
        try:
            found = step.work()
        except Exception as error:
            step = plan.throw(error)
        else:
            step = plan.send(found)
    return step


def end_of(plan, result=None):
    """What the plan answers when its last step has this result."""
    try:
        step = on(plan, result)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"it goes on with {step}")


class Renewal(unittest.TestCase):
    def test_one_asks(self):
        """of many who renew one asks the server, and the others wait"""
        session = session_of(MemoryStore(FIRST))
        leader, *others = [session.renew(session.held()) for _ in range(10)]
        self.assertIsInstance(on(leader), Send)
        joined = [on(other) for other in others]
        self.assertTrue(all(isinstance(step, Join) for step in joined))
        self.assertTrue(end_of(leader, answer(200, {"token": "access-2"})))
        self.assertTrue(all(step.event.is_set() for step in joined))
        self.assertEqual({end_of(other) for other in others}, {True})
        self.assertEqual(session.held(), SECOND)

    def test_late(self):
        """who comes after a renewal, with the token of before, asks nobody"""
        session = session_of(MemoryStore(FIRST))
        used = session.held()
        leader = session.renew(used)
        on(leader)
        end_of(leader, answer(200, {"token": "access-2"}))
        self.assertFalse(end_of(session.renew(used)))

    def test_stopped_leader(self):
        """when the one who asks is stopped, one of those who wait asks in its place"""
        session = session_of(MemoryStore(FIRST))
        leader, second, third = [session.renew(session.held()) for _ in range(3)]
        on(leader)
        waiting = [on(second), on(third)]
        leader.close()
        self.assertTrue(all(step.event.is_set() for step in waiting))
        self.assertIsInstance(on(second), Send)
        self.assertIsInstance(on(third), Join)
        self.assertTrue(end_of(second, answer(200, {"token": "access-2"})))
        self.assertTrue(end_of(third))

    def test_hanging_leader(self):
        """nobody waits for ever: when the one who asks hangs, another asks"""
        session = session_of(MemoryStore(FIRST))
        leader, second = session.renew(session.held()), session.renew(session.held())
        on(leader)
        step = on(second)
        self.assertLessEqual(step.limit, 60)
        self.assertIsInstance(on(second, False), Send)
        self.assertTrue(end_of(second, answer(200, {"token": "access-2"})))
        self.assertTrue(end_of(leader, answer(200, {"token": "access-3"})))
        self.assertEqual(session.held(), SECOND)

    def test_shared_failure(self):
        """a renewal that fails fails for all who wait, and signs nobody out"""
        store = MemoryStore(FIRST)
        session = session_of(store)
        leader, second = session.renew(session.held()), session.renew(session.held())
        on(leader)
        on(second)
        for _ in range(2):
            step = leader.throw(httpx.ReadTimeout("late"))
            self.assertIsInstance(step, Pause)
            leader.send(None)
        with self.assertRaises(TimedOutError):
            leader.throw(httpx.ReadTimeout("late"))
        with self.assertRaises(TimedOutError):
            on(second)
        self.assertEqual(store.load(), FIRST)

    def test_logout_wins(self):
        """a renewal that comes back after a log-out brings nothing back"""
        store = MemoryStore(FIRST)
        session = session_of(store)
        leader = session.renew(session.held())
        on(leader)
        session.forget()
        end_of(leader, answer(200, {"token": "access-2"}))
        self.assertIsNone(session.held())
        self.assertIsNone(store.load())

    def test_ended_meanwhile(self):
        """a call that hears late that its session is over says so, with the server's reason, and asks nothing more"""
        session = session_of(MemoryStore(FIRST))
        first, second = [session.call(Request("GET", "/user/me")) for _ in range(2)]
        refused = answer(401, {"error": {"code": "TOKEN_INVALID", "details": {"reason": "signed_out"}}})
        self.assertEqual([on(first).request.path, on(second).request.path], ["/user/me"] * 2)
        self.assertEqual(on(first, refused).request.path, "/auth/refresh")
        for call in (first, second):
            with self.assertRaises(SessionEndedError) as caught:
                on(call, refused)
            self.assertEqual(caught.exception.reason, "signed_out")

    def test_refused_but_renewed_elsewhere(self):
        """a refused refresh is no end when another process has renewed the token meanwhile"""
        store = MemoryStore(FIRST)
        session = session_of(store, rotate=True)
        plan = session.renew(session.held())
        self.assertEqual(on(plan).request.body, {"refresh_token": "refresh-1", "rotate": True})
        store.save(Tokens("access-9", "refresh-9"))
        self.assertFalse(end_of(plan, answer(401, {"error": {"code": "TOKEN_INVALID"}})))
        self.assertEqual(session.held().token, "access-9")

    def test_rotated_elsewhere(self):
        """an explicit refresh goes on from what another process has put into the store"""
        store = MemoryStore(FIRST)
        session = session_of(store, rotate=True)
        session.held()
        store.save(Tokens("access-9", "refresh-9"))
        self.assertEqual(on(session.renew()).request.body["refresh_token"], "refresh-9")

    def test_unsaved(self):
        """a store that could not be written to does not bring back what it held before"""

        class FullStore(MemoryStore):
            def save(self, tokens):
                raise OSError("disk full")

        session = session_of(FullStore(FIRST))
        plan = session.renew(session.held())
        on(plan)
        with self.assertRaises(OSError):
            on(plan, answer(200, {"token": "access-2", "refreshToken": "refresh-2"}))
        self.assertEqual(on(session.renew(session.held())).request.body["refresh_token"], "refresh-2")

    def test_no_loop(self):
        """a server that refuses every token is asked at most three times"""
        store = MemoryStore(FIRST)
        session = session_of(store)
        plan = session.call(Request("GET", "/user/me"))
        refused = answer(401, {"error": {"code": "TOKEN_EXPIRED"}})
        sent = [on(plan)]
        for number in range(2, 9):
            store.save(Tokens(f"access-{number}", "refresh-1"))
            try:
                sent.append(on(plan, refused))
            except SessionEndedError:
                break
        self.assertEqual(len(sent), 3)


if __name__ == "__main__":
    unittest.main()
