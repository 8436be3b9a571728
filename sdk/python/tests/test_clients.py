"""What the clients send, and what becomes of calls that are stopped: answered by a transport of the test's own."""

from __future__ import annotations

import asyncio
import json
import threading
import unittest

import httpx

from freddy_auth_client import AsyncFreddyAuth, FreddyAuth, MemoryStore, Tokens, UnexpectedAnswerError

BASE_URL = "http://127.0.0.1:1/v1"
TOKENS = Tokens("access-1", "refresh-1", "device-1")
DEVICE_REQUEST = {"device_code": "code-1", "interval": 5}

#: Each call, and what it sends.
SENT = [
    (lambda auth: auth.register("a@b.c", "p"), "POST /register", {"email": "a@b.c", "password": "p"}),
    (
        lambda auth: auth.register("a@b.c", "p", full_name="Ada L", user_name="ada", invitation="inv"),
        "POST /register",
        {"email": "a@b.c", "password": "p", "full_name": "Ada L", "user_name": "ada", "invitation": "inv"},
    ),
    (
        lambda auth: auth.login("ada", "p"),
        "POST /login",
        {"email_or_username": "ada", "password": "p", "device_token": "device-1"},
    ),
    (lambda auth: auth.verify("uuid-1", 2290), "POST /verify", {"email_key": "uuid-1", "verification_code": 2290}),
    (
        lambda auth: auth.verify("uuid-1", "042117", method="totp"),
        "POST /verify",
        {"email_key": "uuid-1", "verification_code": "042117", "method": "totp"},
    ),
    (
        lambda auth: auth.verify("uuid-1", method="recovery_code", recovery_code="r"),
        "POST /verify",
        {"email_key": "uuid-1", "method": "recovery_code", "recovery_code": "r"},
    ),
    (lambda auth: auth.begin_device_login(), "POST /device", {}),
    (
        lambda auth: auth.begin_device_login(name="Kitchen TV", program="my-tool"),
        "POST /device",
        {"client_id": "my-tool", "device_information": {"device": "Kitchen TV"}},
    ),
    (
        lambda auth: auth.finish_device_login({"device_code": "code-1", "interval": 0}),
        "POST /device/token",
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "code-1"},
    ),
    (lambda auth: auth.resend("uuid-1"), "POST /resend-email", {"email_key": "uuid-1"}),
    (lambda auth: auth.forgot_password("a@b.c"), "POST /password/reset", {"email": "a@b.c"}),
    (
        lambda auth: auth.reset_password("uuid-1", 12345678, "new"),
        "POST /password/reset/verify",
        {"email_key": "uuid-1", "verification_code": 12345678, "new_password": "new"},
    ),
    (lambda auth: auth.refresh(), "POST /refresh", {"refresh_token": "refresh-1"}),
    (lambda auth: auth.sessions(), "GET /sessions", None),
    (lambda auth: auth.sessions(limit=2, after="ses_1"), "GET /sessions?limit=2&after=ses_1", None),
    (lambda auth: auth.end_session("ses_1/../x?y"), "DELETE /sessions/ses_1%2F..%2Fx%3Fy", None),
    (lambda auth: auth.end_other_sessions(), "DELETE /sessions", None),
    (lambda auth: auth.api_keys(limit=1), "GET api-keys?limit=1", None),
    (
        lambda auth: auth.create_api_key("laptop", scopes=["responses"], expires_at=None),
        "POST api-keys",
        {"name": "laptop", "scopes": ["responses"], "expires_at": None},
    ),
    (lambda auth: auth.revoke_api_key("key_1"), "DELETE api-keys/key_1", None),
    (lambda auth: auth.usage(), "GET usage", None),
    (
        lambda auth: auth.usage(start="2026-11-01T00:00:00Z", by="model"),
        "GET usage?from=2026-11-01T00%3A00%3A00Z&by=model",
        None,
    ),
    (
        lambda auth: auth.create_response("m", [{"role": "user", "content": "x"}], temperature=0),
        "POST responses",
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": 0},
    ),
    (lambda auth: auth.create_response("m", input="x"), "POST responses", {"model": "m", "input": "x"}),
    (lambda auth: auth.request("put", "/x", {"a": 1}), "PUT x", {"a": 1}),
    (lambda auth: auth.request("GET", "/x", params={"a": None, "b": "c d"}), "GET x?b=c+d", None),
    (lambda auth: auth.logout(), "POST /logout", {}),
]

OPEN = ("/login", "/register", "/verify", "/device", "/resend-email", "/password/", "/refresh")


def line_of(told: str) -> str:
    """`POST /login` is `POST /v1/auth/login`, `GET usage` is `GET /v1/usage`."""
    method, path = told.split(" ", 1)
    return f"{method} /v1/auth{path}" if path.startswith("/") else f"{method} /v1/{path}"


def anything(request: httpx.Request) -> httpx.Response:
    """An answer that has all that any call wants to read."""
    return httpx.Response(
        200,
        json={
            **{"email_key": "uuid-1", "token": "access-2", "refreshToken": "refresh-1", "deleted": 2, "data": []},
            **{
                "device_code": "code-1",
                "user_code": "BCDF-GHJK",
                "verification_uri": "https://auth.example.com/device",
            },
        },
    )


class Sent(unittest.TestCase):
    def setUp(self):
        self.requests = []

    def note(self, request):
        self.requests.append(request)
        return anything(request)

    def check(self, told, body):
        (request,) = self.requests
        self.requests.clear()
        self.assertEqual(f"{request.method} {request.url.raw_path.decode()}", line_of(told))
        self.assertEqual(json.loads(request.content) if request.content else None, body)
        self.assertEqual("content-type" in request.headers, body is not None)
        self.assertEqual("authorization" in request.headers, not told.split(" ")[1].startswith(OPEN), told)
        self.assertIn("freddy-auth-client/", request.headers["user-agent"])

    def test_threads(self):
        """each call sends what the server wants, and a credential only where it is needed, threads"""
        for call, told, body in SENT:
            http = httpx.Client(transport=httpx.MockTransport(self.note))
            with self.subTest(told), FreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
                call(auth)
                self.check(told, body)

    def test_tasks(self):
        """each call sends what the server wants, and a credential only where it is needed, tasks"""

        async def main():
            for call, told, body in SENT:
                http = httpx.AsyncClient(transport=httpx.MockTransport(self.note))
                with self.subTest(told):
                    async with AsyncFreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
                        await call(auth)
                        self.check(told, body)

        asyncio.run(main())

    def test_redirects(self):
        """a redirect is not followed: nobody else gets the password or the token"""

        def elsewhere(request):
            self.requests.append(request)
            return httpx.Response(307, headers={"location": "http://elsewhere.example.com/v1/auth/login"})

        http = httpx.Client(transport=httpx.MockTransport(elsewhere))
        with FreddyAuth(BASE_URL, http=http) as auth, self.assertRaises(UnexpectedAnswerError):
            auth.login("ada", "p")
        self.assertEqual(len(self.requests), 1)

    def test_below_base_url(self):
        """an endpoint that could end at another server is not called"""
        http = httpx.Client(transport=httpx.MockTransport(self.note))
        with FreddyAuth("http://127.0.0.1:1", store=MemoryStore(TOKENS), http=http) as auth:
            for endpoint in ("@elsewhere.example.com/", ":8080/", ".example.com/", "http://elsewhere.example.com/", ""):
                with self.assertRaises(ValueError):
                    auth.request("GET", endpoint)
            auth.request("GET", "//elsewhere.example.com/")
        self.assertEqual([request.url.host for request in self.requests], ["127.0.0.1"])

    def test_device_token(self):
        """the device stays known to the client after a log-out, and leaves the store"""
        store = MemoryStore()
        http = httpx.Client(transport=httpx.MockTransport(self.answer_with_device))
        with FreddyAuth(BASE_URL, store=store, http=http) as auth:
            auth.verify("uuid-1", 2290)
            auth.logout()
            self.assertIsNone(store.load())
            auth.login("ada", "p")
        self.assertEqual(json.loads(self.requests[-1].content)["device_token"], "device-2")

    def answer_with_device(self, request):
        self.requests.append(request)
        body = anything(request).json()
        return httpx.Response(200, json={**body, "device_token": "device-2"})


class Renewing:
    """A server whose first token is over, and whose first refresh is stopped on the way."""

    def __init__(self):
        self.refreshes = 0

    def answer(self, request):
        if request.url.path.endswith("/refresh"):
            return httpx.Response(200, json={"token": "access-2"})
        if request.headers["authorization"] == "Bearer access-1":
            return httpx.Response(401, json={"error": {"code": "TOKEN_EXPIRED"}})
        return httpx.Response(200, json={"output_text": "Hello"})

    def is_first_refresh(self, request):
        if request.url.path.endswith("/refresh"):
            self.refreshes += 1
        return request.url.path.endswith("/refresh") and self.refreshes == 1


class Stopped(unittest.TestCase):
    def test_cancelled(self):
        """when the task that renews is cancelled, those that wait renew and go on"""

        class Transport(Renewing, httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                if self.is_first_refresh(request):
                    await asyncio.Event().wait()
                return self.answer(request)

        async def main():
            transport = Transport()
            http = httpx.AsyncClient(transport=transport)
            async with AsyncFreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
                first = asyncio.create_task(auth.create_response("m", []))
                while transport.refreshes == 0:
                    await asyncio.sleep(0)
                others = [asyncio.create_task(auth.create_response("m", [])) for _ in range(5)]
                for _ in range(100):
                    await asyncio.sleep(0)
                first.cancel()
                answers = await asyncio.gather(*others)
                with self.assertRaises(asyncio.CancelledError):
                    await first
            self.assertEqual([answer["output_text"] for answer in answers], ["Hello"] * 5)
            self.assertEqual(transport.refreshes, 2)

        asyncio.run(main())

    def test_interrupted(self):
        """when the thread that renews is interrupted, those that wait renew and go on"""
        second_asked = threading.Event()

        class Transport(Renewing, httpx.BaseTransport):
            def handle_request(self, request):
                if self.is_first_refresh(request):
                    second_asked.wait()
                    raise KeyboardInterrupt
                return self.answer(request)

        transport = Transport()
        http = httpx.Client(transport=transport)
        with FreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
            interrupted, answers = [], []

            def first():
                try:
                    auth.create_response("m", [])
                except KeyboardInterrupt:
                    interrupted.append(True)

            def second():
                second_asked.set()
                answers.append(auth.create_response("m", [])["output_text"])

            leader = threading.Thread(target=first)
            leader.start()
            while transport.refreshes == 0:
                leader.join(0.01)
            follower = threading.Thread(target=second, daemon=True)
            follower.start()
            leader.join()
            follower.join(30)
        self.assertEqual((interrupted, answers), ([True], ["Hello"]))


class LeftDeviceLogin(unittest.TestCase):
    def answer(self, request):
        self.polls += 1
        return anything(request)

    def setUp(self):
        self.polls = 0

    def test_cancelled(self):
        """who cancels a device that waits asks nothing more, and may wait for the same request again"""

        async def main():
            waiting = asyncio.Event()

            class Impatient(AsyncFreddyAuth):
                async def _pause(self, seconds):
                    if not waiting.is_set():
                        waiting.set()
                        await asyncio.Event().wait()

            http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
            async with Impatient(BASE_URL, http=http) as auth:
                asked = asyncio.create_task(auth.finish_device_login(DEVICE_REQUEST))
                await waiting.wait()
                asked.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await asked
                self.assertEqual((self.polls, auth.tokens), (0, None))
                await auth.finish_device_login(DEVICE_REQUEST)
                self.assertEqual((self.polls, auth.tokens.token), (1, "access-2"))

        asyncio.run(main())

    def test_interrupted(self):
        """who interrupts a device that waits asks nothing more, and may wait for the same request again"""
        presses = [KeyboardInterrupt]

        class Impatient(FreddyAuth):
            def _pause(self, seconds):
                if presses:
                    raise presses.pop()

        http = httpx.Client(transport=httpx.MockTransport(self.answer))
        with Impatient(BASE_URL, http=http) as auth:
            with self.assertRaises(KeyboardInterrupt):
                auth.finish_device_login(DEVICE_REQUEST)
            self.assertEqual((self.polls, auth.tokens), (0, None))
            auth.finish_device_login(DEVICE_REQUEST)
            self.assertEqual((self.polls, auth.tokens.token), (1, "access-2"))


class Left(unittest.TestCase):
    #: A stream that would go on for ever.
    ENDLESS = b'data: {"type": "response.output_text.delta", "delta": "x"}\n\n'

    def test_left_by_a_thread(self):
        """who leaves a stream early closes its connection, threads"""
        closed = threading.Event()

        class Endless(httpx.SyncByteStream):
            def __iter__(self):
                while True:
                    yield Left.ENDLESS

            def close(self):
                closed.set()

        headers = {"content-type": "text/event-stream"}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Endless()))
        http = httpx.Client(transport=transport)
        with FreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
            with auth.create_response("m", [], stream=True) as events:
                self.assertEqual(next(events)["delta"], "x")
                self.assertFalse(closed.is_set())
            self.assertTrue(closed.is_set())
            closed.clear()
            auth.create_response("m", [], stream=True).close()
            self.assertTrue(closed.is_set())

    def test_left_by_a_task(self):
        """who leaves a stream early closes its connection, tasks"""
        closed = threading.Event()

        class Endless(httpx.AsyncByteStream):
            async def __aiter__(self):
                while True:
                    yield Left.ENDLESS

            async def aclose(self):
                closed.set()

        async def main():
            headers = {"content-type": "text/event-stream"}
            transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Endless()))
            http = httpx.AsyncClient(transport=transport)
            async with AsyncFreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
                async with await auth.create_response("m", [], stream=True) as events:
                    self.assertEqual((await events.__anext__())["delta"], "x")
                    self.assertFalse(closed.is_set())
                self.assertTrue(closed.is_set())
                closed.clear()
                await (await auth.create_response("m", [], stream=True)).aclose()
                self.assertTrue(closed.is_set())

        asyncio.run(main())

    def test_after_the_end(self):
        """what happens to the connection after the last event harms nobody; odd separators stay in their text"""

        class Cut(httpx.SyncByteStream):
            def __iter__(self):
                yield 'data: {"type": "response.output_text.delta", "delta": "a\u2028b\x85c"}\r\n\r\n'.encode()
                yield b": keepalive\n\n"
                yield b'data: {"type": "response.completed"}\n\n'
                raise httpx.RemoteProtocolError("cut")

        headers = {"content-type": "text/event-stream"}
        http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=Cut())))
        with FreddyAuth(BASE_URL, store=MemoryStore(TOKENS), http=http) as auth:
            first, last = auth.create_response("m", [], stream=True)
        self.assertEqual(first["delta"], "a\u2028b\x85c")
        self.assertEqual(last["type"], "response.completed")


if __name__ == "__main__":
    unittest.main()
