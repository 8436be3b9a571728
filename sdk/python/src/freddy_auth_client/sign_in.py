"""Registering, signing in, and out again."""

from __future__ import annotations

from typing import Optional, Union

from .answers import DeviceRequest, DeviceSignedIn, Resent, SignedIn
from .driver import AsyncDriver, Driver


class SignIn(Driver):
    """The part of `FreddyAuth` that gets and ends a session."""

    def register(
        self,
        email: str,
        password: str,
        *,
        full_name: Optional[str] = None,
        user_name: Optional[str] = None,
        invitation: Optional[str] = None,
    ) -> str:
        """Begins an account; a code of 8 digits is mailed. `verify` ends it, and signs in.

        Args:
            email: The address, which is also a name to sign in with.
            password: A long sentence is best.
            full_name: As the person writes it.
            user_name: Another name to sign in with: 3 to 100 of `a-z`, `0-9`, dot, underscore and hyphen.
            invitation: From the letter that invited, where the server asks for one.

        Returns:
            The e-mail key for `verify` and `resend`.

        Raises:
            InvalidRequestError: The address or the password does not do; `code` says which.
            ConflictError: The user name is taken.
            PermissionDeniedError: Registration is closed, or by invitation only.
        """
        names = {"full_name": full_name, "user_name": user_name, "invitation": invitation}
        return self._run(self._calls.register(email, password, **names))

    def login(self, email_or_username: str, password: str) -> str:
        """Step one of signing in: the password. A code is mailed.

        Args:
            email_or_username: Either name of the account.
            password: Its password.

        Returns:
            The e-mail key for `verify` and `resend`.

        Raises:
            InvalidCredentialsError: The name or the password is wrong.
            RateLimitError: Too many tries; `retry_after` has the seconds to wait.
        """
        return self._run(self._calls.login(email_or_username, password))

    def verify(
        self,
        email_key: str,
        verification_code: Optional[Union[int, str]] = None,
        *,
        method: Optional[str] = None,
        recovery_code: Optional[str] = None,
    ) -> SignedIn:
        """Step two of signing in: the code. The tokens are kept.

        Args:
            email_key: What `login` or `register` answered.
            verification_code: The mailed code, or that of an authenticator app.
            method: `totp` for an app, `recovery_code` for one of those; the mailed code when None.
            recovery_code: A recovery code.

        Returns:
            The answer: `token`, `refreshToken`, `expires_in` (seconds), `user` and others.

        Raises:
            InvalidCodeError: Wrong or used, or the e-mail key is unknown.
            CodeExpiredError: It came too late; `resend` mails another.
            RateLimitError: Too many wrong codes.
            TokenStoreError: Signed in, but the tokens are in memory only.
        """
        return self._run(self._calls.verify(email_key, verification_code, method, recovery_code))

    def begin_device_login(self, *, name: Optional[str] = None, program: Optional[str] = None) -> DeviceRequest:
        """Step one of signing in where nobody types a password: asks to be let in by a browser elsewhere (RFC 8628).

        Show `verification_uri`, `user_code` and `pairing_phrase`; or open `verification_uri_complete`.

        Args:
            name: What the page and the list of sessions call this device.
            program: What this program calls itself.

        Returns:
            The codes and the address, for a person and for `finish_device_login`.
        """
        return self._run(self._calls.begin_device_login(name, program))

    def finish_device_login(self, request: DeviceRequest) -> DeviceSignedIn:
        """Step two of that: waits until its person has answered. The tokens are kept.

        It asks as often as the server lets it, and ends when the request does, after ten minutes. Ctrl-C leaves it;
        so does cancelling its task. The request goes on then, and may be waited for again.

        Args:
            request: What `begin_device_login` answered; of it `device_code` and `interval` are used.

        Returns:
            The answer: `token`, `refreshToken`, `expires_in` (seconds), `device_id`.

        Raises:
            InvalidRequestError: Its `code` says why: ACCESS_DENIED, DEVICE_CODE_EXPIRED, or DEVICE_CODE_INVALID for
                one that is used or unknown. Begin again.
            TokenStoreError: Signed in, but the tokens are in memory only.
        """
        return self._run(self._calls.finish_device_login(request["device_code"], request.get("interval")))

    def resend(self, email_key: str) -> Resent:
        """Mails the code again, or another when the old one is over.

        Args:
            email_key: What `login`, `register` or `forgot_password` answered.

        Returns:
            The answer: `email_key`, `type` and others.

        Raises:
            RateLimitError: The last mail is less than a minute old; `retry_after` has the seconds to wait.
            InvalidCodeError: The e-mail key is unknown or over: `login` again.
        """
        return self._run(self._calls.resend(email_key))

    def forgot_password(self, email: str) -> str:
        """Begins to replace a forgotten password. A code and a link are mailed if there is such an account.

        Args:
            email: The address of the account.

        Returns:
            The e-mail key for `reset_password`.
        """
        return self._run(self._calls.forgot_password(email))

    def reset_password(self, email_key: str, verification_code: Union[int, str], new_password: str) -> None:
        """Sets another password. Every session ends and every API key is revoked; sign in anew.

        Args:
            email_key: What `forgot_password` answered.
            verification_code: The mailed code, of 8 digits.
            new_password: The password from now on.

        Raises:
            InvalidCodeError: Wrong, used or too late.
            InvalidRequestError: The new password does not do.
        """
        return self._run(self._calls.reset_password(email_key, verification_code, new_password))

    def refresh(self) -> None:
        """Gets a new access token. Calls do this by themselves when theirs is over.

        Raises:
            NotSignedInError: There is nothing to refresh.
            SessionEndedError: The session is over, and the tokens are forgotten: sign in again.
        """
        return self._run(self._calls.refresh())

    def logout(self) -> None:
        """Ends the session and forgets the tokens, in memory and in the store, also when the server is away.

        Raises:
            ConnectionFailedError: The tokens are forgotten, but the session may still be there.
        """
        return self._run(self._calls.logout())


class AsyncSignIn(AsyncDriver):
    """The part of `AsyncFreddyAuth` that gets and ends a session; `SignIn` says more of each method."""

    async def register(
        self,
        email: str,
        password: str,
        *,
        full_name: Optional[str] = None,
        user_name: Optional[str] = None,
        invitation: Optional[str] = None,
    ) -> str:
        """Begins an account; a code of 8 digits is mailed. `verify` ends it, and signs in."""
        names = {"full_name": full_name, "user_name": user_name, "invitation": invitation}
        return await self._run(self._calls.register(email, password, **names))

    async def login(self, email_or_username: str, password: str) -> str:
        """Step one of signing in: the password. A code is mailed."""
        return await self._run(self._calls.login(email_or_username, password))

    async def verify(
        self,
        email_key: str,
        verification_code: Optional[Union[int, str]] = None,
        *,
        method: Optional[str] = None,
        recovery_code: Optional[str] = None,
    ) -> SignedIn:
        """Step two of signing in: the code. The tokens are kept."""
        return await self._run(self._calls.verify(email_key, verification_code, method, recovery_code))

    async def begin_device_login(self, *, name: Optional[str] = None, program: Optional[str] = None) -> DeviceRequest:
        """Step one of signing in where nobody types a password: asks to be let in by a browser elsewhere (RFC 8628)."""
        return await self._run(self._calls.begin_device_login(name, program))

    async def finish_device_login(self, request: DeviceRequest) -> DeviceSignedIn:
        """Step two of that: waits until its person has answered. The tokens are kept."""
        return await self._run(self._calls.finish_device_login(request["device_code"], request.get("interval")))

    async def resend(self, email_key: str) -> Resent:
        """Mails the code again, or another when the old one is over."""
        return await self._run(self._calls.resend(email_key))

    async def forgot_password(self, email: str) -> str:
        """Begins to replace a forgotten password. A code and a link are mailed if there is such an account."""
        return await self._run(self._calls.forgot_password(email))

    async def reset_password(self, email_key: str, verification_code: Union[int, str], new_password: str) -> None:
        """Sets another password. Every session ends and every API key is revoked; sign in anew."""
        return await self._run(self._calls.reset_password(email_key, verification_code, new_password))

    async def refresh(self) -> None:
        """Gets a new access token. Calls do this by themselves when theirs is over."""
        return await self._run(self._calls.refresh())

    async def logout(self) -> None:
        """Ends the session and forgets the tokens, in memory and in the store, also when the server is away."""
        return await self._run(self._calls.logout())
