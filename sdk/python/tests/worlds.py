"""Both clients, spoken to alike: whatever a test asks, it asks threads and tasks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, List

import httpx

from freddy_auth_client import AsyncFreddyAuth, FreddyAuth

#: Made once: reading all certificates takes longer than most tests.
CONTEXT = httpx.create_ssl_context()


@dataclass
class Outcome:
    """What became of one call: what it gave or raised, and the events that came before."""

    gave: Any = None
    raised: Any = None
    events: List[Any] = field(default_factory=list)


class PatientAuth(FreddyAuth):
    """Notes its pauses in place of making them."""

    waits: List[float]
    #: Looks at the pauses so far, while one would be made.
    while_waiting = staticmethod(lambda waits: None)

    def _pause(self, seconds):
        self.waits.append(seconds)
        self.while_waiting(self.waits)


class PatientAsyncAuth(AsyncFreddyAuth):
    """Notes its pauses in place of making them."""

    waits: List[float]
    #: Looks at the pauses so far, while one would be made.
    while_waiting = staticmethod(lambda waits: None)

    async def _pause(self, seconds):
        self.waits.append(seconds)
        self.while_waiting(self.waits)


class Threads:
    """The world of `FreddyAuth`."""

    name = "threads"

    def client(self, base_url: str, transport: Any = None, **settings: Any) -> PatientAuth:
        auth = PatientAuth(base_url, http=httpx.Client(verify=CONTEXT, transport=transport), **settings)
        auth.waits = []
        return auth

    def together(self, times: int, call: Callable[[], Any]) -> List[Outcome]:
        with ThreadPoolExecutor(times) as pool:
            return [each.result() for each in [pool.submit(_outcome, call) for _ in range(times)]]

    def meanwhile(self, call: Callable[[], Any]) -> Any:
        """What a call gives that is made in the midst of another, such as by its store."""
        return call()

    def close(self, auth: FreddyAuth) -> None:
        auth.close()

    def end(self) -> None:
        pass


class Tasks:
    """The world of `AsyncFreddyAuth`."""

    name = "tasks"

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def client(self, base_url: str, transport: Any = None, **settings: Any) -> PatientAsyncAuth:
        auth = PatientAsyncAuth(base_url, http=httpx.AsyncClient(verify=CONTEXT, transport=transport), **settings)
        auth.waits = []
        return auth

    def together(self, times: int, call: Callable[[], Any]) -> List[Outcome]:
        async def all_of_them() -> List[Outcome]:
            return await asyncio.gather(*(_async_outcome(call) for _ in range(times)))

        return self._loop.run_until_complete(all_of_them())

    def meanwhile(self, call: Callable[[], Any]) -> Any:
        """What a call gives that is made in the midst of another, such as by its store, in a thread of that."""
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(30)

    def close(self, auth: AsyncFreddyAuth) -> None:
        self._loop.run_until_complete(auth.aclose())

    def end(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def one(world: Any, call: Callable[[], Any]) -> Any:
    """What a call gives, by itself; raises what it raises."""
    (outcome,) = world.together(1, call)
    if outcome.raised is not None:
        raise outcome.raised
    return outcome.gave


def _outcome(call: Callable[[], Any]) -> Outcome:
    outcome = Outcome()
    try:
        gave = call()
        if hasattr(gave, "__next__"):
            for event in gave:
                outcome.events.append(event)
        else:
            outcome.gave = gave
    except Exception as error:
        outcome.raised = error
    return outcome


async def _async_outcome(call: Callable[[], Any]) -> Outcome:
    outcome = Outcome()
    try:
        gave = call()
        if hasattr(gave, "__await__"):
            gave = await gave
        if hasattr(gave, "__anext__"):
            async for event in gave:
                outcome.events.append(event)
        else:
            outcome.gave = gave
    except Exception as error:
        outcome.raised = error
    return outcome
