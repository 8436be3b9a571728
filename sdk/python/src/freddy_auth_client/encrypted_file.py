"""Tokens in an encrypted file, for machines without a key store."""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Tuple, Union

from .errors import TokenStoreError
from .tokens import Tokens

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_SALT_BYTES = 16


class EncryptedFileStore:
    """Keeps the tokens in a file that only its owner may read, encrypted with a passphrase.

    The key is derived with scrypt, the file is a Fernet token (AES-128-CBC and HMAC-SHA-256), replaced as a whole.
    Needs `pip install "freddy-auth-client[file]"`.

    Args:
        path: The file. Its folder is made, for its owner only, when it is not there.
        passphrase: From a secret manager or the person, not from beside the file.

    Raises:
        TokenStoreError: The package `cryptography` is not installed.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], passphrase: str) -> None:
        try:
            import cryptography.fernet as fernet
        except ImportError as cause:
            hint = "Install freddy-auth-client[file] to keep tokens in an encrypted file"
            raise TokenStoreError(hint) from cause
        self._fernet = fernet
        self._path = Path(path)
        self._passphrase = passphrase
        #: Deriving a key takes a tenth of a second, on purpose.
        self._derived: Optional[Tuple[bytes, bytes]] = None

    def load(self) -> Optional[Tokens]:
        try:
            kept = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise TokenStoreError(f"Could not read {self._path}: {cause.strerror}") from cause
        salt, box = kept[:_SALT_BYTES], kept[_SALT_BYTES:]
        try:
            return Tokens.from_json(self._cipher(salt).decrypt(box).decode())
        except (self._fernet.InvalidToken, ValueError) as cause:
            hint = "another passphrase, or it was changed"
            raise TokenStoreError(f"Could not decrypt {self._path}: {hint}") from cause

    def save(self, tokens: Tokens) -> None:
        salt = self._derived[0] if self._derived else os.urandom(_SALT_BYTES)
        box = self._cipher(salt).encrypt(tokens.to_json().encode())
        try:
            self._replace(salt + box)
        except OSError as cause:
            raise TokenStoreError(f"Could not write {self._path}: {cause.strerror}") from cause

    def clear(self) -> None:
        try:
            self._path.unlink()
        except FileNotFoundError:
            pass
        except OSError as cause:
            raise TokenStoreError(f"Could not remove {self._path}: {cause.strerror}") from cause

    def _replace(self, content: bytes) -> None:
        """All or nothing: who reads meanwhile, or after a power cut, finds the old file or the new one."""
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes it 0600.
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise

    def _cipher(self, salt: bytes) -> Fernet:
        if self._derived is None or self._derived[0] != salt:
            from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

            key = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(self._passphrase.encode())
            self._derived = (salt, key)
        return self._fernet.Fernet(base64.urlsafe_b64encode(self._derived[1]))
