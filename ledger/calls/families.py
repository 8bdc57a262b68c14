"""The two families of HTTP clients: `httpx` is ours, `httpx2` is what newer SDKs speak.

Their interfaces are the same, their classes are not, and a client refuses a transport that gives
it the other family's. So the one transport body is made into classes of the family asked for.
"""

import datetime as dt
import importlib
import json
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from ledger.errors import CallRefused, LedgerError, RequestInvalid

NAMES = ("httpx", "httpx2")

_REFUSED = 402
# Not 5xx: the SDKs that don't look at `x-should-retry` send those again.
_NOT_RECORDED = 424


@dataclass(frozen=True, slots=True)
class Family:
    """One family: its module, and the bases of what is made for its clients."""

    name: str
    module: ModuleType

    def kind(self, body: type, base: str) -> type[Any]:
        """A class of this family: a body of ours on one of its base classes."""
        return type(body.__name__, (body, getattr(self.module, base)), {"__doc__": body.__doc__})

    def answer(self, error: LedgerError, request: Any) -> Any:
        """The response that stands for an error, so that no SDK sends the request again.

        402 for a refusal; 424 for a call that was not made because it can't be recorded. The
        body has the members that OpenAI's, Anthropic's and OpenRouter's own SDKs look for.
        """
        status = _REFUSED if isinstance(error, CallRefused) else _NOT_RECORDED
        told = {"code": status, "type": type(error).__name__, "message": str(error)}
        body = json.dumps({"type": "error", "error": told}).encode("ascii")
        headers = {"content-type": "application/json", "x-should-retry": "false"}
        response = self.module.Response(status, headers=headers, content=body, request=request)
        response.elapsed = dt.timedelta(0)
        return response


@cache
def family(name: str = "httpx") -> Family:
    """The family of that name, loaded when it is first asked for.

    Raises:
        RequestInvalid: there is none of that name, or it is not installed.
    """
    if name not in NAMES:
        raise RequestInvalid(f"There is no client family {name!r}.", hint=f"One of {NAMES}.")
    try:
        return Family(name, importlib.import_module(name))
    except ImportError as error:
        raise RequestInvalid(
            f"The client family {name!r} is not installed.", hint=f"pip install {name}"
        ) from error
