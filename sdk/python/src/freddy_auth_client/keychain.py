"""Tokens in the key store of the system."""

from __future__ import annotations

from typing import Optional

from .errors import TokenStoreError
from .tokens import Tokens

NO_KEYRING = "Install freddy-auth-client[keychain] to keep tokens in the system's key store"


class KeychainStore:
    """Keeps the tokens in the key store of the system: Keychain, Credential Manager, Secret Service, KWallet.

    Needs `pip install "freddy-auth-client[keychain]"`.

    Args:
        account: One name for each session that is kept, such as the e-mail address.
        service: What the system calls the owner of the entry.

    Raises:
        TokenStoreError: The package `keyring` is not installed.
    """

    def __init__(self, account: str, service: str = "freddy-auth") -> None:
        try:
            import keyring
        except ImportError as cause:
            raise TokenStoreError(NO_KEYRING) from cause
        self._keyring = keyring
        self._account = account
        self._service = service

    def load(self) -> Optional[Tokens]:
        try:
            text = self._keyring.get_password(self._service, self._account)
            return None if text is None else Tokens.from_json(text)
        except Exception as cause:
            raise _failed("read", cause) from cause

    def save(self, tokens: Tokens) -> None:
        try:
            self._keyring.set_password(self._service, self._account, tokens.to_json())
        except Exception as cause:
            raise _failed("write to", cause) from cause

    def clear(self) -> None:
        try:
            self._keyring.delete_password(self._service, self._account)
        except self._keyring.errors.PasswordDeleteError:
            pass  # There is none.
        except Exception as cause:
            raise _failed("clear", cause) from cause


def _failed(deed: str, cause: Exception) -> TokenStoreError:
    # Key stores differ in what they raise; a message of theirs might hold what was to be kept.
    return TokenStoreError(f"Could not {deed} the system's key store ({type(cause).__name__})")
