"""Streamed answers: their events as they come, and a break that is no end."""

from __future__ import annotations

import json
from typing import Any, AsyncGenerator, AsyncIterator, Generator, Iterator, Optional, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent

from .answers import ResponseEvent
from .errors import StreamCutError, TimedOutError
from .wire import failed_event

_LAST = {"response.completed", "response.incomplete", "response.failed"}


class _Reading:
    """Makes sense of the events of one answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        #: Whether the last event has come: what happens to the connection after it is of no interest.
        self.complete = False

    def read(self, sent: ServerSentEvent) -> Optional[ResponseEvent]:
        """The event in it; None when there is none.

        Raises:
            ApiError: It tells that the answer failed.
        """
        if sent.data in ("", "[DONE]"):
            return None
        event = _parse(sent.data)
        if sent.event == "error" or event.get("type") == "error":
            raise failed_event(event, self._response)
        self.complete = self.complete or event.get("type") in _LAST
        return cast(ResponseEvent, event)

    def end(self) -> None:
        if not self.complete:
            raise StreamCutError("The stream ended before the answer was complete")


def _cut(cause: httpx.TransportError) -> Exception:
    if isinstance(cause, httpx.TimeoutException):
        return TimedOutError("The stream fell silent")
    return StreamCutError(f"The stream broke: {cause or type(cause).__name__}")


def _parse(text: str) -> Any:
    try:
        event = json.loads(text)
    except ValueError as cause:
        raise StreamCutError("The stream carries something that is no event") from cause
    if not isinstance(event, dict):
        raise StreamCutError("The stream carries something that is no event")
    return event


class EventStream(Iterator[ResponseEvent]):
    """The events of an answer, as they come. Ends after the last one; leaving it early closes the connection.

    `for event in stream: ...`, or `with stream: ...` where it may be left early.

    Raises:
        StreamCutError: It broke off before its end.
        TimedOutError: It fell silent.
        ApiError: The server or the model server failed on the way.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._events = self._read()

    def __next__(self) -> ResponseEvent:
        return next(self._events)

    def _read(self) -> Generator[ResponseEvent, None, None]:
        reading = _Reading(self._response)
        try:
            for sent in EventSource(self._response).iter_sse():
                event = reading.read(sent)
                if event is not None:
                    yield event
            reading.end()
        except httpx.TransportError as cause:
            if not reading.complete:
                raise _cut(cause) from cause
        finally:
            self._response.close()

    def close(self) -> None:
        """Closes the connection, read to its end or not."""
        self._events.close()
        self._response.close()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


class AsyncEventStream(AsyncIterator[ResponseEvent]):
    """As `EventStream`, for `async for` and `async with`."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._events = self._read()

    async def __anext__(self) -> ResponseEvent:
        return await self._events.__anext__()

    async def _read(self) -> AsyncGenerator[ResponseEvent, None]:
        reading = _Reading(self._response)
        try:
            async for sent in EventSource(self._response).aiter_sse():
                event = reading.read(sent)
                if event is not None:
                    yield event
            reading.end()
        except httpx.TransportError as cause:
            if not reading.complete:
                raise _cut(cause) from cause
        finally:
            await self._response.aclose()

    async def aclose(self) -> None:
        """Closes the connection, read to its end or not."""
        await self._events.aclose()
        await self._response.aclose()

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.aclose()
