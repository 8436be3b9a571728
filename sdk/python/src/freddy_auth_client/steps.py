"""What a plan asks for.

A call is written once, as a plan: a generator that yields the steps below, is sent their results, and returns the
answer. It does no I/O. `FreddyAuth` takes the steps in its thread, `AsyncFreddyAuth` in its event loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Generator, Literal, Mapping, Optional, Protocol, TypeVar, Union

T = TypeVar("T")

#: When a call may be sent again: never (a step of signing in is for a person to repeat), when it was turned away
#: before anything was done, or also when nobody knows whether it was done.
Repeat = Literal["never", "when-turned-away", "always"]


@dataclass(frozen=True)
class Request:
    """One call of the API.

    Attributes:
        path: Below `base_url`, with a slash in front.
        streamed: Whether its answer is read as it comes.
        timeout: Seconds to wait for an answer.
    """

    method: str
    path: str
    body: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeat: Repeat = "when-turned-away"
    streamed: bool = False
    timeout: float = 30.0


class Event(Protocol):
    """The half of an event that threads and tasks have in common."""

    def set(self) -> object:
        """Wakes all who wait."""


@dataclass(frozen=True)
class Send:
    """Send it; the result is an httpx.Response, read unless it is streamed and went well."""

    request: Request


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Join:
    """Wait for somebody else's event, at most so many seconds."""

    event: Any
    limit: float


@dataclass(frozen=True)
class Work:
    """Do something that may block, such as reading a file; the result is its own."""

    work: Callable[[], Any]


Step = Union[Send, Pause, Join, Work]
Plan = Generator[Step, Any, T]
