"""The tokens of a session, and where they are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Optional, Protocol


@dataclass(frozen=True)
class Tokens:
    """What `verify` answered, as far as it is worth keeping. Never printed.

    Attributes:
        token: The access token, good for a day.
        refresh_token: Continues the session for up to 30 days.
        device_token: Marks this device at later logins.
    """

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    device_token: Optional[str] = field(default=None, repr=False)

    def to_json(self) -> str:
        """One line of text, for stores."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Tokens:
        """The tokens of such a line.

        Raises:
            ValueError: It is no such line.
        """
        kept = json.loads(text)
        if not isinstance(kept, dict):
            raise ValueError("not the tokens of a session")
        try:
            return cls(kept["token"], kept["refresh_token"], kept.get("device_token"))
        except KeyError as missing:
            raise ValueError(f"no {missing} among the tokens") from missing


class TokenStore(Protocol):
    """Where the tokens of one session are kept. Any object with these three methods is one.

    Several processes may share a store; each adopts what another has put there. Failures are raised as
    `TokenStoreError`.
    """

    def load(self) -> Optional[Tokens]:
        """What is kept, or None."""

    def save(self, tokens: Tokens) -> None:
        """Keeps these in place of what was kept."""

    def clear(self) -> None:
        """Keeps nothing any more. Called on logout, and when the session is found to be over."""


class MemoryStore:
    """Keeps the tokens as long as the program runs. The default."""

    def __init__(self, tokens: Optional[Tokens] = None) -> None:
        self._tokens = tokens

    def load(self) -> Optional[Tokens]:
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def clear(self) -> None:
        self._tokens = None
