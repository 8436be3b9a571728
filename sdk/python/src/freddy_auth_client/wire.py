"""Reading what came over the wire."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Dict, Mapping, Optional

import httpx

from .errors import (
    ApiError,
    ConnectionFailedError,
    FreddyError,
    ServerError,
    TimedOutError,
    UnexpectedAnswerError,
    kind_of,
)

Json = Dict[str, Any]


def failure(cause: httpx.TransportError) -> ConnectionFailedError:
    """What it means that no answer came."""
    if isinstance(cause, httpx.TimeoutException):
        return TimedOutError("No answer came in time")
    return ConnectionFailedError(f"No answer came: {cause or type(cause).__name__}")


def refusal(response: httpx.Response) -> Optional[FreddyError]:
    """The error that an answer is; None when it is a good one, whose body may still be to come."""
    if response.is_success:
        return None
    if response.status_code < 400:
        return _unexpected(response)
    body = _parse(response)
    said = body.get("error") if isinstance(body, dict) else None
    said = said if isinstance(said, dict) else {}
    details = said.get("details")
    details = details if isinstance(details, dict) else {}
    code = _text(said.get("code"))
    return kind_of(response.status_code, code)(
        str(said.get("message") or _strange(response)),
        code=code,
        status=response.status_code,
        retry_after=_retry_after(response, details),
        request_id=_request_id(response),
        details=details,
    )


def failed_event(event: Mapping[str, Any], response: httpx.Response) -> ApiError:
    """The error that an event of a stream tells, in either of the shapes that model servers have for it."""
    inner = event.get("error")
    said = inner if isinstance(inner, dict) else event
    status = said.get("status")
    code = _text(said.get("code") or event.get("code"))
    kind = kind_of(status, code) if isinstance(status, int) else ServerError
    return kind(
        str(said.get("message") or "The model server failed"),
        code=code,
        status=status,
        request_id=_request_id(response),
    )


def body_of(response: httpx.Response, *required: str) -> Json:
    """The JSON object of a good answer; an empty answer is an empty object.

    Raises:
        UnexpectedAnswerError: It is none, or lacks a required field.
    """
    body = _parse(response) if response.content else {}
    if isinstance(body, dict) and all(name in body for name in required):
        return body
    raise _unexpected(response)


def _parse(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _unexpected(response: httpx.Response) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(_strange(response), status=response.status_code, request_id=_request_id(response))


def _strange(response: httpx.Response) -> str:
    # Without the path: an e-mail key may be part of it, and messages end up in logs.
    server = response.url.netloc.decode()
    return f"{server} answered {response.status_code}, but not as Freddy Auth does: does base_url end in /v1?"


def _text(found: Any) -> Optional[str]:
    return found if isinstance(found, str) else None


def _request_id(response: httpx.Response) -> Optional[str]:
    found: Optional[str] = response.headers.get("x-request-id")
    return found


def _retry_after(response: httpx.Response, details: Mapping[str, Any]) -> Optional[float]:
    """Seconds: of the header, which has a number or a moment of the server's clock, or of the body."""
    header: Optional[str] = response.headers.get("retry-after")
    seconds: Any = details.get("retry_after") if header is None else header
    try:
        return max(0.0, float(seconds))
    except (TypeError, ValueError):
        pass
    try:
        moment = parsedate_to_datetime(header or "")
        return max(0.0, (moment - parsedate_to_datetime(response.headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError, IndexError):
        return None
