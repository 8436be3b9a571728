"""The tokens of now, in memory and in a store that may be slow, may fail, and may be another program's too."""

from __future__ import annotations

import threading
from typing import Optional

from .tokens import Tokens, TokenStore


class KeptTokens:
    """What was done last counts, however slow the store is. All of this waits for the store."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        #: In memory; None when nobody is signed in, or nobody has looked into the store.
        self.now: Optional[Tokens] = None
        #: What the store held when we last read or wrote it: anything else in it is another process's.
        self._kept: Optional[Tokens] = None
        #: What the last sign-in, refresh or log-out would have the store keep.
        self._wanted: Optional[Tokens] = None
        #: Counts those, for who read the store before one of them.
        self._changes = 0
        #: What was forgotten last: a store that still has it, or could not be cleared, does not bring it back.
        self._forgotten: Optional[Tokens] = None
        #: How many are busy with the store.
        self._settling = 0
        # Held for a few lines in which nothing waits.
        self._mutex = threading.Lock()

    def held(self) -> Optional[Tokens]:
        """The tokens of now, from the store when there are none in memory."""
        with self._mutex:
            if self.now is not None:
                return self.now
            changes = self._changes
        found = self._store.load()
        with self._mutex:
            # Somebody signed in or out meanwhile: that counts.
            if self.now is None and self._changes == changes and found != self._forgotten:
                self.now = self._kept = found
            return self.now

    def adopt(self) -> bool:
        """Takes what another process has put into the store since we last looked; True when other tokens count now."""
        with self._mutex:
            changes = self._changes
        found = self._store.load()
        with self._mutex:
            if self._changes != changes:
                return True
            if found is None or found in (self._kept, self._forgotten):
                return False
            self.now = self._kept = found
            return True

    def change(self, tokens: Optional[Tokens], instead_of: Optional[Tokens] = None) -> None:
        """Keeps others from now on, or none.

        Args:
            instead_of: What must count until now; None for whatever does.
        """
        with self._mutex:
            if instead_of is not None and self.now != instead_of:
                return
            if tokens is None and self.now is not None:
                self._forgotten = self.now
            self.now = self._wanted = tokens
            self._changes += 1
            self._settling += 1
        try:
            self._settle()
        finally:
            with self._mutex:
                self._settling -= 1
        with self._mutex:
            if self._settling == 0:
                self._forgotten = None

    def _settle(self) -> None:
        """A store may end what it was asked in any order: who finds that another wish came meanwhile repeats it."""
        settled = 0
        while True:
            with self._mutex:
                if settled == self._changes:
                    self._kept = self._wanted
                    return
                settled, wanted = self._changes, self._wanted
            if wanted is None:
                self._store.clear()
            else:
                self._store.save(wanted)
