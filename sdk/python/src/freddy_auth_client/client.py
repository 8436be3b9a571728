"""The two clients: `FreddyAuth` for programs of threads, `AsyncFreddyAuth` for those with an event loop."""

from __future__ import annotations

from typing import Any, Awaitable, Literal, Mapping, Optional, Sequence, Union, overload

import httpx

from .account import Account, AsyncAccount
from .answers import ModelResponse
from .driver import DEFAULT_BASE_URL
from .events import AsyncEventStream, EventStream
from .sign_in import AsyncSignIn, SignIn
from .tokens import TokenStore
from .wire import Json


class FreddyAuth(SignIn, Account):
    """Signs in with a password and a mailed code, and calls the API.

    Any number of threads may use one client. A token that is over is renewed by itself, once for all who wait.
    What can be repeated without harm is repeated when the server is busy or cannot be reached, three tries in all.

    Args:
        base_url: Where the server is, up to and with `/v1`.
        api_key: `ak_…`, used in place of signing in.
        store: Where the tokens are kept. In memory when None; see `KeychainStore` and `EncryptedFileStore`.
        rotate: Whether every refresh also replaces the refresh token. Leave it when several programs keep the
            same tokens without sharing a store.
        timeout: Seconds to wait for an answer; when None 30, and 600 for that of a model.
        http: An `httpx.Client` of one's own, for proxies and certificates. It is closed with this one.

    Raises:
        ValueError: `base_url` is none.

    Example:
        >>> auth = FreddyAuth("https://auth.example.com/v1")
        >>> email_key = auth.login("you@example.com", password)
        >>> auth.verify(email_key, int(input("Code: ")))
        >>> auth.create_response("echo-1", [{"role": "user", "content": "Hello"}])["output_text"]
    """

    def __init__(
        self,
        base_url: str = DEFAULT_BASE_URL,
        *,
        api_key: Optional[str] = None,
        store: Optional[TokenStore] = None,
        rotate: bool = False,
        timeout: Optional[float] = None,
        http: Optional[httpx.Client] = None,
    ) -> None:
        super().__init__(http, base_url, api_key, store, rotate, timeout)

    @overload
    def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: Literal[False] = False,
        **fields: Any,
    ) -> ModelResponse: ...

    @overload
    def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: Literal[True],
        **fields: Any,
    ) -> EventStream: ...

    def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: bool = False,
        **fields: Any,
    ) -> Union[ModelResponse, EventStream]:
        """Asks a model.

        Args:
            model: Its name, such as `echo-1`.
            messages: What was said so far, each with `role` and `content`. Or leave it and give `input`.
            stream: Whether the answer comes in pieces.
            **fields: All else goes to the model as it is: `input`, `temperature`, `tools` …

        Returns:
            The answer, with its text in `output_text`; or, streamed, an iterator of its events.

        Raises:
            SessionEndedError: Sign in again.
            PermissionDeniedError: This account or key may not ask this.
            RateLimitError: Too often; `retry_after` has the seconds to wait.
            ServerError: The server or the model server failed.
        """
        if stream:
            return EventStream(self._run(self._calls.stream_response(model, messages, fields)))
        return self._run(self._calls.create_response(model, messages, fields))

    def request(
        self,
        method: str,
        endpoint: str,
        data: Optional[Mapping[str, Any]] = None,
        *,
        params: Optional[Mapping[str, Any]] = None,
    ) -> Json:
        """Calls any endpoint with the credential; renews the token once when it is over.

        Args:
            method: `GET`, `POST` …
            endpoint: Below `base_url`, such as `/user/me`.
            data: The JSON body.
            params: The query; what is None is left out.

        Returns:
            The JSON of the answer.

        Raises:
            ValueError: `endpoint` does not begin with a slash.
            SessionEndedError: 401: sign in again.
            PermissionDeniedError: 403: signing in again would not help.
            FreddyError: Any other; `freddy_auth_client.errors` has all of them.
        """
        return self._run(self._calls.request(method, endpoint, data, params))

    def close(self) -> None:
        """Closes the connections. The session goes on; `with FreddyAuth() as auth:` does this by itself."""
        self._http.close()

    def __enter__(self) -> FreddyAuth:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


class AsyncFreddyAuth(AsyncSignIn, AsyncAccount):
    """`FreddyAuth` for programs with an event loop, asyncio's or trio's: the same methods, to be awaited.

    `get_headers` is not awaited. One client serves any number of tasks of one event loop.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_BASE_URL,
        *,
        api_key: Optional[str] = None,
        store: Optional[TokenStore] = None,
        rotate: bool = False,
        timeout: Optional[float] = None,
        http: Optional[httpx.AsyncClient] = None,
    ) -> None:
        super().__init__(http, base_url, api_key, store, rotate, timeout)

    @overload
    async def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: Literal[False] = False,
        **fields: Any,
    ) -> ModelResponse: ...

    @overload
    async def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: Literal[True],
        **fields: Any,
    ) -> AsyncEventStream: ...

    async def create_response(
        self,
        model: str,
        messages: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        stream: bool = False,
        **fields: Any,
    ) -> Union[ModelResponse, AsyncEventStream]:
        """Asks a model."""
        if stream:
            return AsyncEventStream(await self._run(self._calls.stream_response(model, messages, fields)))
        return await self._run(self._calls.create_response(model, messages, fields))

    async def request(
        self,
        method: str,
        endpoint: str,
        data: Optional[Mapping[str, Any]] = None,
        *,
        params: Optional[Mapping[str, Any]] = None,
    ) -> Json:
        """Calls any endpoint with the credential; renews the token once when it is over."""
        return await self._run(self._calls.request(method, endpoint, data, params))

    async def aclose(self) -> None:
        """Closes the connections. The session goes on; `async with AsyncFreddyAuth() as auth:` does this by itself."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncFreddyAuth:
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.aclose()


@overload
def make_authenticated_request(auth: FreddyAuth, endpoint: str, data: Optional[Mapping[str, Any]]) -> Json: ...


@overload
def make_authenticated_request(
    auth: AsyncFreddyAuth, endpoint: str, data: Optional[Mapping[str, Any]]
) -> Awaitable[Json]: ...


def make_authenticated_request(
    auth: Union[FreddyAuth, AsyncFreddyAuth], endpoint: str, data: Optional[Mapping[str, Any]]
) -> Union[Json, Awaitable[Json]]:
    """Posts to any endpoint with the credential of a client; renews the token once when it is over.

    Args:
        auth: Either client.
        endpoint: Below `base_url`, such as `/responses`.
        data: The JSON body.

    Returns:
        The JSON of the answer; to be awaited when the client is.

    Raises:
        SessionEndedError: 401: sign in again.
        PermissionDeniedError: 403: permission denied.
        FreddyError: Any other.
    """
    return auth.request("POST", endpoint, data)
