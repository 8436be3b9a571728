"""What the server answers. At run time each of these is the plain `dict` of the JSON; servers may add fields."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, TypedDict


class User(TypedDict):
    """Who signed in. `id` is `usr_` and 32 hexadecimal digits."""

    id: str
    email: str
    verified: bool


class _SignedIn(TypedDict):
    token: str
    refreshToken: str
    token_type: Literal["bearer"]
    expires_in: int
    user: User


class SignedIn(_SignedIn, total=False):
    """The answer of `verify`. `expires_in` is in seconds; `device_id` is the id of the session."""

    access_token: str
    refresh_token: str
    device_id: str
    device_token: str


class DeviceRequest(TypedDict):
    """The answer of `begin_device_login`. `device_code` is for the device alone, all else is for its person.

    `expires_in` and `interval` are in seconds.
    """

    device_code: str
    user_code: str
    pairing_phrase: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceSignedIn(TypedDict):
    """The answer of `finish_device_login`. `expires_in` is in seconds; `device_id` is the id of the session."""

    token: str
    refreshToken: str
    token_type: Literal["bearer"]
    expires_in: int
    device_id: str


class Resent(TypedDict):
    """The answer of `resend`."""

    success: bool
    message: str
    email_key: str
    type: Literal["login", "registration", "password_reset"]


class SessionInfo(TypedDict):
    """One place where somebody is signed in. Moments are ISO 8601 in UTC."""

    id: str
    current: bool
    device_name: str
    platform: Optional[str]
    location: Optional[str]
    first_seen_at: str
    last_seen_at: str
    expires_at: str


class SessionList(TypedDict):
    """A page of sessions, newest first; when `has_more`, the next one begins `after` the last id."""

    object: Literal["list"]
    data: List[SessionInfo]
    has_more: bool


class ApiKey(TypedDict):
    """What is known of an API key. Moments are ISO 8601 in UTC."""

    id: str
    name: str
    prefix: str
    last4: str
    scopes: List[str]
    status: str
    created_at: str
    expires_at: Optional[str]
    last_used_at: Optional[str]


class ApiKeyList(TypedDict):
    """A page of API keys, newest first; when `has_more`, the next one begins `after` the last id."""

    object: Literal["list"]
    data: List[ApiKey]
    has_more: bool


class NewApiKey(TypedDict):
    """An API key that was just made. `key` is shown here and never again."""

    id: str
    name: str
    key: str
    prefix: str
    last4: str
    scopes: List[str]
    created_at: str
    expires_at: Optional[str]


class Usage(TypedDict):
    """What was used between two moments: in all, and by day, model or key; and how far the limits are gone."""

    object: Literal["usage"]
    total: Dict[str, Any]
    data: List[Dict[str, Any]]
    limits: List[Dict[str, Any]]


class _ModelResponse(TypedDict):
    output_text: str


class ModelResponse(_ModelResponse, total=False):
    """The answer of a model, in the shape of OpenAI's Responses."""

    id: str
    object: Literal["response"]
    created_at: int
    status: str
    model: str
    output: List[Dict[str, Any]]
    usage: Optional[Dict[str, Any]]


class _ResponseEvent(TypedDict):
    type: str


class ResponseEvent(_ResponseEvent, total=False):
    """One event of a streamed answer; which fields it has depends on its `type`.

    `response.output_text.delta` has the next piece of text in `delta`, `response.completed` the whole answer in
    `response`.
    """

    sequence_number: int
    delta: str
    response: ModelResponse
