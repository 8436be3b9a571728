"""How the steps of a plan are taken: in a thread, or in an event loop."""

from __future__ import annotations

import platform
import threading
import time
from typing import Any, Callable, Dict, Optional, TypeVar, Union

import anyio
import anyio.to_thread
import httpx

from .calls import Calls
from .session import Session
from .steps import Event, Join, Pause, Plan, Request, Send, Step
from .tokens import MemoryStore, Tokens, TokenStore
from .version import __version__

T = TypeVar("T")

DEFAULT_BASE_URL = "http://localhost:3000/v1"
#: Seconds. A server that is there takes a connection at once.
CONNECT_TIMEOUT = 10.0
USER_AGENT = f"freddy-auth-client/{__version__} Python/{platform.python_version()}"


class Client:
    """What both clients have in common: all that does not wait."""

    def __init__(
        self,
        new_event: Callable[[], Event],
        base_url: str,
        api_key: Optional[str],
        store: Optional[TokenStore],
        rotate: bool,
        timeout: Optional[float],
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url is an address that ends in /v1, not {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self._session = Session(store or MemoryStore(), new_event, api_key, rotate, timeout)
        self._calls = Calls(self._session, timeout)

    @property
    def tokens(self) -> Optional[Tokens]:
        """The tokens of the session; None before `verify` and after `logout`."""
        return self._session.held()

    def get_headers(self) -> Dict[str, str]:
        """The headers for a call of one's own, by whatever means.

        Returns:
            `Authorization` (or `api-key`) and `Content-Type`.

        Raises:
            NotSignedInError: There is no token and no API key.
        """
        return {**self._session.credential(), "Content-Type": "application/json"}

    def _build(self, http: Union[httpx.Client, httpx.AsyncClient], request: Request) -> httpx.Request:
        accept = "text/event-stream" if request.streamed else "application/json"
        return http.build_request(
            request.method,
            self.base_url + request.path,
            json=request.body,
            params=request.params or None,
            headers={"User-Agent": USER_AGENT, "Accept": accept, **request.headers},
            timeout=httpx.Timeout(request.timeout, connect=min(request.timeout, CONNECT_TIMEOUT)),
        )


class Driver(Client):
    """Takes the steps in the thread that asks."""

    def __init__(self, http: Optional[httpx.Client], *settings: Any) -> None:
        super().__init__(threading.Event, *settings)
        self._http = http or httpx.Client()

    def _run(self, plan: Plan[T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    result = self._take(step)
                except Exception as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(result)
        except StopIteration as end:
            answer: T = end.value
            return answer
        finally:
            # Whatever stopped us, those who wait for this plan learn of it.
            plan.close()

    def _take(self, step: Step) -> Any:
        if isinstance(step, Send):
            return self._send(step.request)
        if isinstance(step, Pause):
            return self._pause(step.seconds)
        if isinstance(step, Join):
            return step.event.wait(step.limit)
        return step.work()

    def _send(self, request: Request) -> httpx.Response:
        built = self._build(self._http, request)
        response = self._http.send(built, stream=request.streamed)
        if request.streamed and not response.is_success:
            response.read()
        return response

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)


class AsyncDriver(Client):
    """Takes the steps in the event loop that asks: asyncio, or trio."""

    def __init__(self, http: Optional[httpx.AsyncClient], *settings: Any) -> None:
        super().__init__(anyio.Event, *settings)
        self._http = http or httpx.AsyncClient()

    async def _run(self, plan: Plan[T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    result = await self._take(step)
                except Exception as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(result)
        except StopIteration as end:
            answer: T = end.value
            return answer
        finally:
            # Whatever stopped us, those who wait for this plan learn of it.
            plan.close()

    async def _take(self, step: Step) -> Any:
        if isinstance(step, Send):
            return await self._send(step.request)
        if isinstance(step, Pause):
            return await self._pause(step.seconds)
        if isinstance(step, Join):
            with anyio.move_on_after(step.limit):
                await step.event.wait()
            return None
        # What was asked of a store is ended, also for a task that is cancelled.
        with anyio.CancelScope(shield=True):
            return await anyio.to_thread.run_sync(step.work)

    async def _send(self, request: Request) -> httpx.Response:
        built = self._build(self._http, request)
        response = await self._http.send(built, stream=request.streamed)
        if request.streamed and not response.is_success:
            await response.aread()
        return response

    async def _pause(self, seconds: float) -> None:
        await anyio.sleep(seconds)
