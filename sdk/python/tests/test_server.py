"""Both clients against a real server, whose address and mailbox the environment names."""

from __future__ import annotations

import os
import unittest
import urllib.request
from itertools import count

import httpx
import trio

from freddy_auth_client import (
    ApiKeyError,
    AsyncFreddyAuth,
    InvalidCodeError,
    InvalidCredentialsError,
    InvalidRequestError,
    MemoryStore,
    NotFoundError,
    NotSignedInError,
    PermissionDeniedError,
    RateLimitError,
    SessionEndedError,
    Tokens,
    make_authenticated_request,
)
from worlds import CONTEXT, Tasks, Threads, one

BASE_URL = os.environ.get("FREDDY_BASE_URL", "")
ORIGIN = BASE_URL[: -len("/v1")]
PASSWORD = "correct horse battery staple"
HELLO = [{"role": "user", "content": "Hello"}]
_people = count()


def next_code(email: str) -> int:
    """The next code that is mailed there, as a person would type it."""
    with urllib.request.urlopen(f"{os.environ['FREDDY_MAILBOX']}/{email}") as answer:
        return int(answer.read())


@unittest.skipUnless(BASE_URL, "FREDDY_BASE_URL names no server")
class RealServer:
    """Told once, for both worlds below."""

    world_of = None

    def setUp(self):
        self.world = self.world_of()
        self.email = f"ada{next(_people)}@example.com"
        self.clients = []

    def tearDown(self):
        for auth in self.clients:
            self.world.close(auth)
        self.world.end()

    def shortDescription(self):
        return f"{super().shortDescription()}, {self.world_of.name}"

    def client(self, **settings):
        auth = self.world.client(BASE_URL, **settings)
        self.clients.append(auth)
        return auth

    def ask(self, call):
        return one(self.world, call)

    def signed_up(self, **settings):
        auth = self.client(**settings)
        email_key = self.ask(lambda: auth.register(self.email, PASSWORD))
        self.ask(lambda: auth.verify(email_key, next_code(self.email)))
        return auth

    def signed_in(self):
        auth = self.client()
        email_key = self.ask(lambda: auth.login(self.email, PASSWORD))
        return auth, self.ask(lambda: auth.verify(email_key, next_code(self.email)))["device_id"]

    def say_hello(self, auth):
        return self.ask(lambda: auth.create_response("echo-1", HELLO))["output_text"]

    def test_founding_flow(self):
        """a person signs in as on the founding page"""
        self.signed_up()
        auth = self.client()
        with self.assertRaises(NotSignedInError):
            auth.get_headers()
        email_key = self.ask(lambda: auth.login(self.email, PASSWORD))
        self.assertRegex(email_key, r"^uuid-[0-9a-f-]{36}$")
        answer = self.ask(lambda: auth.verify(email_key, next_code(self.email)))
        self.assertEqual(answer["user"]["email"], self.email)
        self.assertEqual(
            auth.get_headers(),
            {"Authorization": f"Bearer {answer['token']}", "Content-Type": "application/json"},
        )
        self.assertEqual(self.say_hello(auth), "Hello")
        said = self.ask(lambda: make_authenticated_request(auth, "/responses", {"model": "echo-1", "messages": HELLO}))
        self.assertEqual(said["output_text"], "Hello")

    def test_refresh(self):
        """a refresh brings another token and keeps the refresh token, also while ten calls are under way"""
        store = MemoryStore()
        auth = self.signed_up(store=store)
        before = store.load()
        self.ask(lambda: auth.refresh())
        after = store.load()
        self.assertNotEqual(after.token, before.token)
        self.assertEqual(after.refresh_token, before.refresh_token)
        self.assertEqual(auth.tokens, after)

    def test_stale_token(self):
        """ten calls with a token that is over all succeed"""
        kept = self.signed_up().tokens
        stale = Tokens("stale", kept.refresh_token, kept.device_token)
        auth = self.client(store=MemoryStore(stale))
        outcomes = self.world.together(10, lambda: auth.create_response("echo-1", HELLO))
        self.assertEqual([outcome.gave["output_text"] for outcome in outcomes], ["Hello"] * 10)

    def test_rotation(self):
        """a client that rotates gets another refresh token each time, and stays signed in"""
        auth = self.signed_up(rotate=True)
        seen = {auth.tokens.refresh_token}
        for _ in range(3):
            self.ask(lambda: auth.refresh())
            seen.add(auth.tokens.refresh_token)
        self.assertEqual(len(seen), 4)
        self.assertEqual(self.say_hello(auth), "Hello")

    def test_stream(self):
        """an answer comes in pieces"""
        auth = self.signed_up()
        (outcome,) = self.world.together(1, lambda: auth.create_response("echo-1", HELLO, stream=True))
        self.assertIsNone(outcome.raised)
        pieces = [event["delta"] for event in outcome.events if event["type"] == "response.output_text.delta"]
        self.assertEqual("".join(pieces), "Hello")
        self.assertEqual(outcome.events[-1]["response"]["output_text"], "Hello")

    def test_logout(self):
        """logging out ends the session on the server and forgets the tokens"""
        store = MemoryStore()
        auth = self.signed_up(store=store)
        other = self.client(store=MemoryStore(store.load()))
        self.ask(lambda: auth.logout())
        self.assertIsNone(store.load())
        with self.assertRaises(NotSignedInError):
            auth.get_headers()
        with self.assertRaises(SessionEndedError) as caught:
            self.say_hello(other)
        self.assertEqual(caught.exception.reason, "signed_out")

    def test_wrong(self):
        """a wrong password, a wrong code, a password that does not do: each has a class of its own"""
        self.signed_up()
        auth = self.client()
        with self.assertRaises(InvalidCredentialsError) as caught:
            self.ask(lambda: auth.login(self.email, "not it"))
        self.assertEqual(caught.exception.code, "INVALID_CREDENTIALS")
        self.assertEqual(caught.exception.status, 401)
        self.assertTrue(caught.exception.request_id)
        email_key = self.ask(lambda: auth.login(self.email, PASSWORD))
        code = next_code(self.email)
        with self.assertRaises(InvalidCodeError):
            self.ask(lambda: auth.verify(email_key, 1000 if code != 1000 else 1001))
        with self.assertRaises(InvalidRequestError) as unfit:
            self.ask(lambda: auth.verify(email_key, "twelve"))
        self.assertEqual(unfit.exception.fields[0]["field"], "verification_code")
        self.assertEqual(self.ask(lambda: auth.verify(email_key, code))["user"]["email"], self.email)

    def browser(self):
        """A browser in which this person is signed in."""
        http = httpx.Client(
            base_url=BASE_URL[: -len("/v1")], verify=CONTEXT, headers={"origin": BASE_URL[: -len("/v1")]}
        )
        self.addCleanup(http.close)
        http.post("/sign-in", data={"email_or_username": self.email, "password": PASSWORD})
        code = f"{next_code(self.email):04}"
        self.assertEqual(http.post("/sign-in/code", data={"verification_code": code}).status_code, 303)
        return http

    def answered(self, request, answer):
        page = self.browser().post("/device/answer", data={"user_code": request["user_code"], "answer": answer})
        self.assertEqual(page.status_code, 200, page.text)

    def test_device_login(self):
        """a device is let in by who is signed in elsewhere"""
        self.signed_up()
        auth = self.client()
        request = self.ask(lambda: auth.begin_device_login(name="Kitchen TV", program="my-tool"))
        self.assertRegex(request["pairing_phrase"], r"^[a-z]+( [a-z]+){3}$")
        self.answered(request, "allow")
        answer = self.ask(lambda: auth.finish_device_login(request))
        self.assertEqual(auth.waits, [request["interval"]])
        self.assertEqual(auth.tokens, Tokens(answer["token"], answer["refreshToken"]))
        (here,) = [each for each in self.ask(lambda: auth.sessions())["data"] if each["current"]]
        self.assertEqual((here["id"], here["device_name"]), (answer["device_id"], "Kitchen TV"))
        with self.assertRaises(InvalidRequestError) as used:
            self.ask(lambda: auth.finish_device_login(request))
        self.assertEqual(used.exception.code, "DEVICE_CODE_INVALID")

    def test_device_login_denied(self):
        """a device that asks too soon slows down, and one that was turned away says so"""
        self.signed_up()
        auth = self.client()
        request = self.ask(lambda: auth.begin_device_login())

        def deny_at_the_fourth(waits):
            if len(waits) == 4:
                self.answered(request, "deny")

        auth.while_waiting = deny_at_the_fourth
        with self.assertRaises(InvalidRequestError) as denied:
            self.ask(lambda: auth.finish_device_login(request))
        self.assertEqual(denied.exception.code, "ACCESS_DENIED")
        # These pauses take no time here: every poll but the first comes too soon.
        self.assertEqual(auth.waits, [5, 5, 10, 15])
        self.assertIsNone(auth.tokens)

    def test_resend(self):
        """a second mail within a minute is refused with the seconds to wait, and nobody waits by themselves"""
        auth = self.client()
        self.signed_up()
        email_key = self.ask(lambda: auth.login(self.email, PASSWORD))
        with self.assertRaises(RateLimitError) as caught:
            self.ask(lambda: auth.resend(email_key))
        self.assertGreater(caught.exception.retry_after, 0)
        self.assertEqual(auth.waits, [])

    def test_reset(self):
        """a forgotten password is replaced"""
        email = f"{self.world.name}@example.com"
        auth = self.client()
        email_key = self.ask(lambda: auth.forgot_password(email))
        self.ask(lambda: auth.reset_password(email_key, next_code(email), PASSWORD))
        self.assertTrue(self.ask(lambda: auth.login(email, PASSWORD)))

    def test_api_keys(self):
        """a key is made, used, listed and revoked"""
        auth = self.signed_up()
        made = self.ask(lambda: auth.create_api_key("my laptop", scopes=["responses"]))
        program = self.client(api_key=made["key"])
        self.assertEqual(program.get_headers()["api-key"], made["key"])
        self.assertEqual(self.say_hello(program), "Hello")
        with self.assertRaises(PermissionDeniedError):
            self.ask(lambda: program.request("GET", "/user/me"))
        page = self.ask(lambda: auth.api_keys(limit=1))
        self.assertEqual([key["id"] for key in page["data"]], [made["id"]])
        self.ask(lambda: auth.revoke_api_key(made["id"]))
        with self.assertRaises(ApiKeyError):
            self.say_hello(program)
        with self.assertRaises(NotFoundError):
            self.ask(lambda: auth.revoke_api_key("key_" + "0" * 32))

    def test_sessions(self):
        """a person sees where they are signed in, and ends one place or all others"""
        here = self.signed_up()
        (first, first_id), (second, _) = self.signed_in(), self.signed_in()
        page = self.ask(lambda: here.sessions())
        self.assertEqual([each["current"] for each in page["data"]], [False, False, True])
        self.ask(lambda: here.end_session(first_id))
        with self.assertRaises(SessionEndedError):
            self.say_hello(first)
        self.assertEqual(self.ask(lambda: here.end_other_sessions()), 1)
        with self.assertRaises(SessionEndedError):
            self.say_hello(second)
        self.assertEqual(self.say_hello(here), "Hello")

    def test_usage(self):
        """what was asked is told, by model"""
        auth = self.signed_up()
        self.say_hello(auth)
        used = self.ask(lambda: auth.usage(by="model"))
        self.assertEqual(used["total"]["calls"], 1)
        self.assertEqual([(each["model"], each["calls"]) for each in used["data"]], [("echo-1", 1)])

    def test_any_endpoint(self):
        """any endpoint is called with the credential"""
        auth = self.signed_up()
        self.assertEqual(self.ask(lambda: auth.request("GET", "/user/me"))["email"], self.email)


class OnThreads(RealServer, unittest.TestCase):
    world_of = Threads


class OnTasks(RealServer, unittest.TestCase):
    world_of = Tasks


@unittest.skipUnless(BASE_URL, "FREDDY_BASE_URL names no server")
class OnTrio(unittest.TestCase):
    def test_calls(self):
        """under trio, too, ten calls with a token that is over make one refresh"""
        email = f"ada{next(_people)}@example.com"
        said, renewed = [], []

        class Noting(AsyncFreddyAuth):
            async def _send(self, request):
                renewed.extend([request] if request.path == "/auth/refresh" else [])
                return await super()._send(request)

        async def say_hello(auth):
            said.append((await auth.create_response("echo-1", HELLO))["output_text"])

        async def main():
            store = MemoryStore()
            async with Noting(BASE_URL, store=store) as auth:
                email_key = await auth.register(email, PASSWORD)
                await auth.verify(email_key, next_code(email))
            stale = Tokens("stale", store.load().refresh_token)
            async with Noting(BASE_URL, store=MemoryStore(stale)) as auth, trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(say_hello, auth)

        trio.run(main)
        self.assertEqual(said, ["Hello"] * 10)
        self.assertEqual(len(renewed), 1)


if __name__ == "__main__":
    unittest.main()
