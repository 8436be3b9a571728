"""This library as a program for `freddy conformance`: a line of JSON for each step, a line for each answer."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from freddy_auth_client import ApiError, FreddyAuth, FreddyError

auth: FreddyAuth


def begin(step):
    global auth
    auth = FreddyAuth(step["base_url"])
    return {}


def create_response(step):
    together = step.get("together", 1)
    with ThreadPoolExecutor(together) as pool:
        calls = [pool.submit(auth.create_response, step["model"], step["messages"]) for _ in range(together)]
    return {"output_text": next(call.result() for call in calls)["output_text"]}


STEPS = {
    "begin": begin,
    "login": lambda step: {"email_key": auth.login(step["email_or_username"], step["password"])},
    "verify": lambda step: auth.verify(step["email_key"], step["verification_code"]) and {},
    "create_response": create_response,
    "refresh": lambda step: auth.refresh() or {},
    "resend": lambda step: auth.resend(step["email_key"]) and {},
    "logout": lambda step: auth.logout() or {},
}


def take(step):
    try:
        return {"ok": True, **STEPS[step["do"]](step)}
    except ApiError as error:
        return {"ok": False, "status": error.status, "code": error.code, "retry_after": error.retry_after}
    except FreddyError as error:
        return {"ok": False, "error": str(error)}


for line in sys.stdin:
    print(json.dumps(take(json.loads(line))), flush=True)
