"""What can go wrong, and what to do about it.

FreddyError
├── NotSignedInError                 nothing was sent: sign in first, or give an API key
├── TokenStoreError                  the tokens could not be kept or read
├── ConnectionFailedError            no answer came: what was done is not known
│   ├── TimedOutError                none came in time
│   ├── StreamCutError               it broke off before its end
│   └── UnexpectedAnswerError        what answered is no Freddy Auth: look at `base_url`, or for a proxy
└── ApiError                         the server refused, and `code` says why
    ├── InvalidRequestError          400, 405, 408, 413, 415, 422, 431: mend the call; `fields` says where
    ├── AuthenticationError          401
    │   ├── InvalidCredentialsError  the name or the password is wrong
    │   ├── InvalidCodeError         the code is wrong or used, or its `email_key` unknown
    │   ├── ApiKeyError              the key is unknown, revoked, expired or paused
    │   └── SessionEndedError        sign in again; `reason` may say why
    ├── BudgetExhaustedError         402: a budget of the API key is used up
    ├── PermissionDeniedError        403: signing in again would not help
    ├── NotFoundError                404
    ├── ConflictError                409: the name is taken, or the thing is there already
    ├── CodeExpiredError             410: `resend` mails another code
    ├── RateLimitError               429: free again in `retry_after` seconds
    └── ServerError                  5xx
        └── UnavailableError         503: busy; come back in `retry_after` seconds

docs/errors.md of the server lists every `code`.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Type


class FreddyError(Exception):
    """The root: `except FreddyError` catches all that this package raises on purpose.

    Attributes:
        message: One sentence.
        code: The server's word for it, such as "TOKEN_EXPIRED"; None when no server said one.
        status: The HTTP status; None when there was no answer.
        retry_after: Seconds until it may work; None when nobody said.
        request_id: What the server calls this request in its log; None when there was no answer.
        details: What else the server said.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        status: Optional[int] = None,
        retry_after: Optional[float] = None,
        request_id: Optional[str] = None,
        details: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.details: Mapping[str, Any] = details or {}

    def __str__(self) -> str:
        about = [self.code, self.request_id and f"request {self.request_id}"]
        told = ", ".join(word for word in about if word)
        return f"{self.message} ({told})" if told else self.message


class NotSignedInError(FreddyError):
    """Nothing was sent: there is no token and no API key."""


class TokenStoreError(FreddyError):
    """The tokens could not be kept or read."""


class ConnectionFailedError(FreddyError):
    """No answer of the server came. Whether it did anything is not known."""


class TimedOutError(ConnectionFailedError):
    """No answer came in time."""


class StreamCutError(ConnectionFailedError):
    """A stream of events broke off before its end."""


class UnexpectedAnswerError(ConnectionFailedError):
    """What answered is no Freddy Auth, as far as its answer tells."""


class ApiError(FreddyError):
    """The server refused."""

    @property
    def reason(self) -> Optional[str]:
        """More than the code, such as why a session ended; None when nothing was said."""
        reason = self.details.get("reason")
        return reason if isinstance(reason, str) else None


class InvalidRequestError(ApiError):
    """The call is wrong as it stands."""

    @property
    def fields(self) -> List[Dict[str, str]]:
        """What is wrong, field by field, each with `field` and `message`."""
        fields = self.details.get("fields")
        return fields if isinstance(fields, list) else []


class AuthenticationError(ApiError):
    """The credential does not count, or no more."""


class InvalidCredentialsError(AuthenticationError):
    """The name or the password is wrong."""


class InvalidCodeError(AuthenticationError):
    """The code is wrong or used, or nobody knows its `email_key`."""


class ApiKeyError(AuthenticationError):
    """The API key is unknown, revoked, expired or paused."""


class SessionEndedError(AuthenticationError):
    """The session is over: sign in again. `reason` may say why it ended."""


class BudgetExhaustedError(ApiError):
    """A budget of the API key is used up."""


class PermissionDeniedError(ApiError):
    """This credential may not do that."""


class NotFoundError(ApiError):
    """There is no such thing."""


class ConflictError(ApiError):
    """The name is taken, or the thing is there already."""


class CodeExpiredError(ApiError):
    """The code came too late; `resend` mails another."""


class RateLimitError(ApiError):
    """Too often; `retry_after` says when it is free again."""


class ServerError(ApiError):
    """Something went wrong on the server, or on the model server behind it."""


class UnavailableError(ServerError):
    """The server is busy; `retry_after` says when to come back."""


_BY_CODE: Mapping[str, Type[ApiError]] = {
    "INVALID_CREDENTIALS": InvalidCredentialsError,
    "INVALID_VERIFICATION_CODE": InvalidCodeError,
    "INVALID_API_KEY": ApiKeyError,
    "API_KEY_EXPIRED": ApiKeyError,
    "API_KEY_PAUSED": ApiKeyError,
}

_BY_STATUS: Mapping[int, Type[ApiError]] = {
    401: SessionEndedError,
    402: BudgetExhaustedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: CodeExpiredError,
    429: RateLimitError,
    503: UnavailableError,
}


def kind_of(status: int, code: Optional[str]) -> Type[ApiError]:
    """The class for a refusal. A 401 that is about nothing else is about the token."""
    otherwise = InvalidRequestError if status < 500 else ServerError
    return _BY_CODE.get(code or "") or _BY_STATUS.get(status, otherwise)
