"""The credential of a client: how it is sent, renewed and forgotten. No I/O of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Callable, Dict, Mapping, Optional

import httpx

from .errors import AuthenticationError, FreddyError, NotSignedInError, SessionEndedError
from .kept_tokens import KeptTokens
from .retry import pause_before_retry
from .steps import Event, Join, Pause, Plan, Request, Send, Work
from .tokens import Tokens, TokenStore
from .wire import body_of, failure, refusal

#: Seconds to wait for an answer.
TIMEOUT = 30.0
#: Seconds after which nobody waits any more for somebody else's renewal, but renews by itself.
LONGEST_JOIN = 60.0


@dataclass
class _Renewal:
    """One that is under way, for those who wait for it."""

    ended: Event
    #: Whether the server was asked; None as long as nobody knows, and when its leader was stopped.
    asked: Optional[bool] = None
    error: Optional[FreddyError] = None


class Session:
    """What a client knows of its session.

    Args:
        new_event: Makes an event for those who wait for a renewal.
        api_key: Sent in place of a token.
        rotate: Whether a refresh asks for another refresh token.
        timeout: Seconds to wait for the answer to a refresh.
    """

    def __init__(
        self,
        store: TokenStore,
        new_event: Callable[[], Event],
        api_key: Optional[str],
        rotate: bool,
        timeout: Optional[float],
    ) -> None:
        self._kept = KeptTokens(store)
        self._new_event = new_event
        self._api_key = api_key
        self._rotate = rotate
        self._timeout = TIMEOUT if timeout is None else timeout
        self._device_token: Optional[str] = None
        self._renewal: Optional[_Renewal] = None
        # Held for a few lines in which nothing waits.
        self._mutex = threading.Lock()

    def held(self) -> Optional[Tokens]:
        """The tokens of now, from the store when there are none in memory."""
        return self._kept.held()

    def credential(self) -> Dict[str, str]:
        """The header that makes a request ours; reads the store when nothing is in memory."""
        if self._api_key is None:
            return _bearer(self.held())
        return {"api-key": self._api_key}

    def device_token(self) -> Plan[Optional[str]]:
        """What marks this device at a log-in; it outlives a log-out in memory, not in the store."""
        held = yield Work(self.held)
        return held.device_token if held else self._device_token

    def call(self, request: Request) -> Plan[httpx.Response]:
        """Sends it with the credential. A token that is over is renewed once, and the call repeated."""
        if self._api_key is not None:
            return (yield from send(_with(request, self.credential())))
        used: Optional[Tokens] = self._kept.now or (yield Work(self.held))
        fresh = False
        # A token that was renewed elsewhere may be taken first; it may be over as well.
        for last in (False, False, True):
            try:
                return (yield from send(_with(request, _bearer(used))))
            except SessionEndedError:
                if last or fresh:
                    raise
                fresh = yield from self.renew(used)
                used = self._kept.now
                if used is None:
                    raise
        raise AssertionError("unreachable")

    def renew(self, used: Optional[Tokens] = None) -> Plan[bool]:
        """Gets another token in place of the used one; one renewal at a time, however many wait for it.

        Args:
            used: What was refused; None to ask the server in any case.

        Returns:
            Whether the server was asked. If not, somebody else had renewed it before.
        """
        while True:
            with self._mutex:
                if used is not None and self._kept.now != used:
                    return False
                renewal = self._renewal
                if renewal is None:
                    mine = self._renewal = _Renewal(self._new_event())
            if renewal is None:
                return (yield from self._lead(mine, used))
            yield Join(renewal.ended, LONGEST_JOIN)
            if renewal.error is not None:
                raise renewal.error
            if renewal.asked is not None:
                return renewal.asked
            self._leave(renewal)

    def _lead(self, renewal: _Renewal, used: Optional[Tokens]) -> Plan[bool]:
        try:
            renewal.asked = yield from self._refresh(used)
            return renewal.asked
        except FreddyError as error:
            renewal.error = error
            raise
        finally:
            self._leave(renewal)
            renewal.ended.set()

    def _leave(self, renewal: _Renewal) -> None:
        """Its leader has ended, or was stopped, or hangs: the way is free for another."""
        with self._mutex:
            if self._renewal is renewal:
                self._renewal = None

    def _refresh(self, used: Optional[Tokens]) -> Plan[bool]:
        adopted = yield Work(self._kept.adopt)
        if adopted and used is not None:
            return False
        held: Optional[Tokens] = yield Work(self.held)
        if held is None:
            raise NotSignedInError("Sign in first")
        try:
            response = yield from send(self._question(held))
        except AuthenticationError:
            if (yield Work(self._kept.adopt)):
                return False
            yield Work(lambda: self.forget(held))
            raise
        answer = body_of(response, "token")
        refresh_token = answer.get("refreshToken", held.refresh_token)
        renewed = replace(held, token=answer["token"], refresh_token=refresh_token)
        # Unless somebody has logged out or in meanwhile.
        yield Work(lambda: self._kept.change(renewed, held))
        return True

    def _question(self, held: Tokens) -> Request:
        rotation = {"rotate": True} if self._rotate else {}
        body = {"refresh_token": held.refresh_token, **rotation}
        return Request("POST", "/auth/refresh", body, repeat="always", timeout=self._timeout)

    def begin(self, tokens: Tokens) -> None:
        """Somebody has signed in. Waits for the store."""
        self._device_token = tokens.device_token
        self._kept.change(tokens)

    def forget(self, ended: Optional[Tokens] = None) -> None:
        """The session is over: nothing of it stays in memory or in the store. Waits for the store.

        Args:
            ended: What is over; None for whatever there is.
        """
        self._kept.change(None, ended)


def send(request: Request) -> Plan[httpx.Response]:
    """Sends it, again where that is safe.

    Raises:
        FreddyError: What became of the last try.
    """
    sent = 0
    while True:
        error: Optional[FreddyError]
        try:
            response: httpx.Response = yield Send(request)
            error = refusal(response)
        except httpx.TransportError as cause:
            error = failure(cause)
            error.__cause__ = cause
        if error is None:
            return response
        sent += 1
        pause = pause_before_retry(error, sent, request.repeat)
        if pause is None:
            raise error
        yield Pause(pause)


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def _bearer(tokens: Optional[Tokens]) -> Dict[str, str]:
    if tokens is None:
        raise NotSignedInError("Sign in first")
    return {"Authorization": f"Bearer {tokens.token}"}
