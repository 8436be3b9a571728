"""What belongs to the person who signed in: sessions, API keys, usage."""

from __future__ import annotations

from typing import Any, Literal, Optional

from .answers import ApiKeyList, NewApiKey, SessionList, Usage
from .driver import AsyncDriver, Driver


class Account(Driver):
    """The part of `FreddyAuth` that is about an account."""

    def sessions(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> SessionList:
        """Where this person is signed in, newest first.

        Args:
            limit: The most of a page, up to 100; 20 when None.
            after: The last id of the page before.

        Returns:
            A page: `data`, and whether it `has_more`.
        """
        return self._run(self._calls.sessions(limit, after))

    def end_session(self, session_id: str) -> None:
        """Signs one device out.

        Args:
            session_id: Its `id` of `sessions`.

        Raises:
            NotFoundError: There is no such session.
        """
        return self._run(self._calls.end_session(session_id))

    def end_other_sessions(self) -> int:
        """Signs all other devices out.

        Returns:
            How many.
        """
        return self._run(self._calls.end_other_sessions())

    def api_keys(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> ApiKeyList:
        """The API keys of this person, newest first, without their secrets.

        Args:
            limit: The most of a page, up to 100; 20 when None.
            after: The last id of the page before.

        Returns:
            A page: `data`, and whether it `has_more`.
        """
        return self._run(self._calls.api_keys(limit, after))

    def create_api_key(self, name: str, **fields: Any) -> NewApiKey:
        """Makes an API key.

        Args:
            name: To know it by.
            **fields: `scopes`, `expires_at` (ISO 8601, or None for never) and what else the server takes.

        Returns:
            The key. Its `key` is told here and never again.

        Raises:
            InvalidRequestError: Something does not do; `fields` of the error says what.
            PermissionDeniedError: This session may make no keys.
        """
        return self._run(self._calls.create_api_key(name, fields))

    def revoke_api_key(self, key_id: str) -> None:
        """Ends an API key for good.

        Args:
            key_id: Its `id`, not its secret.

        Raises:
            NotFoundError: There is no such key.
        """
        return self._run(self._calls.revoke_api_key(key_id))

    def usage(
        self,
        *,
        start: Optional[str] = None,
        end: Optional[str] = None,
        by: Optional[Literal["day", "model", "key"]] = None,
    ) -> Usage:
        """What was used, and how far the limits are gone.

        Args:
            start: From this moment on (ISO 8601); the beginning of the month when None.
            end: Up to this moment; now when None.
            by: What the sums in `data` are of; days when None.

        Returns:
            The sums, in tokens and in millionths of the unit of prices.
        """
        return self._run(self._calls.usage(start, end, by))


class AsyncAccount(AsyncDriver):
    """The part of `AsyncFreddyAuth` that is about an account; `Account` says more of each method."""

    async def sessions(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> SessionList:
        """Where this person is signed in, newest first."""
        return await self._run(self._calls.sessions(limit, after))

    async def end_session(self, session_id: str) -> None:
        """Signs one device out."""
        return await self._run(self._calls.end_session(session_id))

    async def end_other_sessions(self) -> int:
        """Signs all other devices out."""
        return await self._run(self._calls.end_other_sessions())

    async def api_keys(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> ApiKeyList:
        """The API keys of this person, newest first, without their secrets."""
        return await self._run(self._calls.api_keys(limit, after))

    async def create_api_key(self, name: str, **fields: Any) -> NewApiKey:
        """Makes an API key."""
        return await self._run(self._calls.create_api_key(name, fields))

    async def revoke_api_key(self, key_id: str) -> None:
        """Ends an API key for good."""
        return await self._run(self._calls.revoke_api_key(key_id))

    async def usage(
        self,
        *,
        start: Optional[str] = None,
        end: Optional[str] = None,
        by: Optional[Literal["day", "model", "key"]] = None,
    ) -> Usage:
        """What was used, and how far the limits are gone."""
        return await self._run(self._calls.usage(start, end, by))
