"""The calls of the API, each written once, as a plan. `FreddyAuth` says what each of them promises."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Union, cast
from urllib.parse import quote

import httpx

from .answers import (
    ApiKeyList,
    DeviceRequest,
    DeviceSignedIn,
    ModelResponse,
    NewApiKey,
    Resent,
    SessionList,
    SignedIn,
    Usage,
)
from .errors import ApiError, NotSignedInError, SessionEndedError
from .session import TIMEOUT, Session, send
from .steps import Pause, Plan, Repeat, Request, Work
from .tokens import Tokens
from .wire import Json, body_of

#: Seconds. A model may think for long.
MODEL_TIMEOUT = 600.0
#: RFC 8628, section 3.4.
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: Seconds between two polls where the server names none, and how much longer they get for who asks too soon.
DEVICE_INTERVAL = 5.0


class Calls:
    """Plans of all calls of one client.

    Args:
        timeout: Seconds to wait for any answer; None for the usual ones.
    """

    def __init__(self, session: Session, timeout: Optional[float]) -> None:
        self._session = session
        self._timeout = TIMEOUT if timeout is None else timeout
        self._model_timeout = MODEL_TIMEOUT if timeout is None else timeout

    def register(self, email: str, password: str, **fields: Optional[str]) -> Plan[str]:
        body = _given(email=email, password=password, **fields)
        answer = yield from self._open("/auth/register", body, "email_key")
        return str(answer["email_key"])

    def login(self, email_or_username: str, password: str) -> Plan[str]:
        device_token = yield from self._session.device_token()
        body = _given(email_or_username=email_or_username, password=password, device_token=device_token)
        answer = yield from self._open("/auth/login", body, "email_key")
        return str(answer["email_key"])

    def verify(
        self,
        email_key: str,
        verification_code: Optional[Union[int, str]],
        method: Optional[str],
        recovery_code: Optional[str],
    ) -> Plan[SignedIn]:
        body = _given(
            email_key=email_key,
            verification_code=verification_code,
            method=method,
            recovery_code=recovery_code,
        )
        answer = yield from self._open("/auth/verify", body, "token", "refreshToken")
        yield from self._keep(answer)
        return cast(SignedIn, answer)

    def begin_device_login(self, name: Optional[str], program: Optional[str]) -> Plan[DeviceRequest]:
        body = _given(client_id=program, device_information=None if name is None else {"device": name})
        answer = yield from self._open("/auth/device", body, "device_code", "user_code", "verification_uri")
        return cast(DeviceRequest, answer)

    def finish_device_login(self, device_code: str, interval: Optional[float]) -> Plan[DeviceSignedIn]:
        body = {"grant_type": DEVICE_GRANT, "device_code": device_code}
        poll = Request("POST", "/auth/device/token", body, repeat="always", timeout=self._timeout)
        pause = DEVICE_INTERVAL if interval is None else interval
        while True:
            yield Pause(pause)
            try:
                answer = body_of((yield from send(poll)), "token", "refreshToken")
            except ApiError as error:
                if error.code == "SLOW_DOWN":
                    pause += DEVICE_INTERVAL
                elif error.code != "AUTHORIZATION_PENDING":
                    raise
                continue
            yield from self._keep(answer)
            return cast(DeviceSignedIn, answer)

    def resend(self, email_key: str) -> Plan[Resent]:
        answer = yield from self._open("/auth/resend-email", {"email_key": email_key})
        return cast(Resent, answer)

    def forgot_password(self, email: str) -> Plan[str]:
        answer = yield from self._open("/auth/password/reset", {"email": email}, "email_key")
        return str(answer["email_key"])

    def reset_password(self, email_key: str, verification_code: Union[int, str], new_password: str) -> Plan[None]:
        body = {
            "email_key": email_key,
            "verification_code": verification_code,
            "new_password": new_password,
        }
        yield from self._open("/auth/password/reset/verify", body)

    def refresh(self) -> Plan[None]:
        yield from self._session.renew()

    def logout(self) -> Plan[None]:
        try:
            yield from self._call("POST", "/auth/logout", {}, repeat="always")
        except (NotSignedInError, SessionEndedError):
            pass  # It has ended already, which is what was asked for.
        except GeneratorExit:
            self._session.forget()  # Stopped on the way: nobody takes another step of ours.
            raise
        except Exception:
            yield Work(self._session.forget)
            raise
        yield Work(self._session.forget)

    def request(
        self,
        method: str,
        endpoint: str,
        data: Optional[Mapping[str, Any]],
        params: Optional[Mapping[str, Any]],
    ) -> Plan[Json]:
        if not endpoint.startswith("/"):
            raise ValueError(f'an endpoint begins with "/" and stands below base_url: {endpoint!r}')
        repeat: Repeat = "always" if method.upper() == "GET" else "when-turned-away"
        return (yield from self._call(method.upper(), endpoint, data, params, repeat))

    def create_response(
        self, model: str, messages: Optional[Sequence[Mapping[str, Any]]], fields: Json
    ) -> Plan[ModelResponse]:
        response = yield from self._session.call(self._question(model, messages, fields))
        return cast(ModelResponse, body_of(response))

    def stream_response(
        self, model: str, messages: Optional[Sequence[Mapping[str, Any]]], fields: Json
    ) -> Plan[httpx.Response]:
        question = self._question(model, messages, {**fields, "stream": True}, streamed=True)
        return (yield from self._session.call(question))

    def sessions(self, limit: Optional[int], after: Optional[str]) -> Plan[SessionList]:
        answer = yield from self._read("/auth/sessions", limit=limit, after=after)
        return cast(SessionList, answer)

    def end_session(self, session_id: str) -> Plan[None]:
        yield from self._call("DELETE", f"/auth/sessions/{_part(session_id)}")

    def end_other_sessions(self) -> Plan[int]:
        answer = yield from self._call("DELETE", "/auth/sessions")
        return int(answer["deleted"])

    def api_keys(self, limit: Optional[int], after: Optional[str]) -> Plan[ApiKeyList]:
        answer = yield from self._read("/api-keys", limit=limit, after=after)
        return cast(ApiKeyList, answer)

    def create_api_key(self, name: str, fields: Json) -> Plan[NewApiKey]:
        answer = yield from self._call("POST", "/api-keys", {"name": name, **fields})
        return cast(NewApiKey, answer)

    def revoke_api_key(self, key_id: str) -> Plan[None]:
        yield from self._call("DELETE", f"/api-keys/{_part(key_id)}")

    def usage(self, start: Optional[str], end: Optional[str], by: Optional[str]) -> Plan[Usage]:
        answer = yield from self._read("/usage", **{"from": start, "to": end, "by": by})
        return cast(Usage, answer)

    def _keep(self, answer: Json) -> Plan[None]:
        tokens = Tokens(answer["token"], answer["refreshToken"], answer.get("device_token"))
        yield Work(lambda: self._session.begin(tokens))

    def _open(self, path: str, body: Json, *required: str) -> Plan[Json]:
        """A step of signing in: no credential is sent, and a person decides what comes next."""
        request = Request("POST", path, body, repeat="never", timeout=self._timeout)
        return body_of((yield from send(request)), *required)

    def _read(self, path: str, **params: Any) -> Plan[Json]:
        return (yield from self._call("GET", path, None, params, "always"))

    def _call(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        params: Optional[Mapping[str, Any]] = None,
        repeat: Repeat = "when-turned-away",
    ) -> Plan[Json]:
        given = {name: str(value) for name, value in (params or {}).items() if value is not None}
        request = Request(method, path, body, given, repeat=repeat, timeout=self._timeout)
        return body_of((yield from self._session.call(request)))

    def _question(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]],
        fields: Json,
        streamed: bool = False,
    ) -> Request:
        given = {} if messages is None else {"messages": list(messages)}
        body = {"model": model, **given, **fields}
        return Request("POST", "/responses", body, streamed=streamed, timeout=self._model_timeout)


def _given(**fields: Any) -> Json:
    """What was given; the server knows absent fields, but takes no null for them."""
    return {name: value for name, value in fields.items() if value is not None}


def _part(text: str) -> str:
    """An id as one part of a path, whatever is in it."""
    return quote(text, safe="")
