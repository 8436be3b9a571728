"""When a call is sent again, and after how long."""

from __future__ import annotations

import random
from typing import Optional

from .errors import ConnectionFailedError, FreddyError, UnexpectedAnswerError
from .steps import Repeat

#: How often a call is sent, all in all.
TRIES = 3
#: Seconds. Whoever is to wait longer is told so, and does not hang.
LONGEST_WAIT = 60.0
#: Seconds, by chance: so that many who were turned away together do not come back together.
SPREAD_AFTER_WAIT = 2.0
FIRST_PAUSE = 0.5

_TURNED_AWAY = {429, 503}
_PASSING = {408, 500, 502, 504}


def pause_before_retry(error: FreddyError, sent: int, repeat: Repeat) -> Optional[float]:
    """Seconds until the call is sent again, or None when it must not be.

    Args:
        error: How it failed.
        sent: How often it has been sent.
        repeat: When it may be sent again.
    """
    if sent >= TRIES or not _may_repeat(error, repeat):
        return None
    if error.retry_after is None:
        return random.uniform(0, FIRST_PAUSE * 2 ** (sent - 1))
    if error.retry_after > LONGEST_WAIT:
        return None
    return error.retry_after + random.uniform(0, SPREAD_AFTER_WAIT)


def _may_repeat(error: FreddyError, repeat: Repeat) -> bool:
    if repeat == "never" or isinstance(error, UnexpectedAnswerError):
        return False
    if error.status in _TURNED_AWAY:
        return True
    passing = isinstance(error, ConnectionFailedError) or error.status in _PASSING
    return repeat == "always" and passing
