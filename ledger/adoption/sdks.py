"""What is known of other people's clients: how each is made, and where it takes ours.

Source: the packages' own signatures; `tests/integration/sdks` runs each of them.
"""

import ast
import importlib
import importlib.metadata
import re
from dataclasses import dataclass
from types import ModuleType

from ledger.errors import RequestInvalid

OPENROUTER = "https://openrouter.ai/api/v1"

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
# Where a package isn't installed: what its newest release stands on.
_NEWEST = {"openrouter": "httpx", "litellm": "httpx"}
_DISTRIBUTIONS = {
    "langchain_openai": "openai",
    "langchain_openrouter": "openrouter",
    "pydantic_ai": "pydantic-ai-slim",
}


def family_of(package: str) -> str:
    """The family of HTTP clients, `httpx` or `httpx2`, that a package takes: its own requirement.

    Args:
        package: by the name that it is imported by.
    """
    name = _DISTRIBUTIONS.get(package, package)
    try:
        wanted = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return _NEWEST.get(name, "httpx2")
    always = (entry for entry in wanted if "extra ==" not in entry)
    names = {found[0].lower() for entry in always if (found := _NAME.match(entry))}
    return "httpx2" if "httpx2" in names else "httpx"


def load(package: str) -> ModuleType:
    """A package that is no requirement of this one.

    Raises:
        RequestInvalid: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise RequestInvalid(
            f"The package {package!r} is not installed.", hint=f"pip install {package}"
        ) from error


@dataclass(frozen=True, slots=True)
class Client:
    """A class whose objects make LLM calls.

    Attributes:
        takes: its arguments that take a client of ours, each with the function that makes one.
        alternatives: other arguments that may bring such a client along.
        bases: its arguments for a base URL; none where it is OpenRouter's anyway.
        default_base: what to say there where nothing is said.
        instead: what makes the whole client where no base URL is given.
    """

    takes: tuple[tuple[str, str], ...]
    alternatives: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    default_base: str = OPENROUTER
    instead: str | None = None


_SYNC = ("http_client", "http_client")
_ASYNC = ("http_client", "async_http_client")
_BASE = ("base_url",)
_BOTH = (_SYNC, ("http_async_client", "async_http_client"))

_OPENAI = Client((_SYNC,), bases=_BASE, instead="openai()")
_ASYNC_OPENAI = Client((_ASYNC,), bases=_BASE, instead="async_openai()")
_ANTHROPIC_BASE = "https://openrouter.ai/api"
_PROVIDER = Client((_ASYNC,), alternatives=("openai_client", "anthropic_client"))

CLIENTS: dict[str, Client] = {
    "openai.OpenAI": _OPENAI,
    "openai.Client": _OPENAI,
    "openai.AsyncOpenAI": _ASYNC_OPENAI,
    "openai.AsyncClient": _ASYNC_OPENAI,
    "anthropic.Anthropic": Client((_SYNC,), bases=_BASE, default_base=_ANTHROPIC_BASE),
    "anthropic.Client": Client((_SYNC,), bases=_BASE, default_base=_ANTHROPIC_BASE),
    "anthropic.AsyncAnthropic": Client((_ASYNC,), bases=_BASE, default_base=_ANTHROPIC_BASE),
    "anthropic.AsyncClient": Client((_ASYNC,), bases=_BASE, default_base=_ANTHROPIC_BASE),
    "openrouter.OpenRouter": Client(
        (("client", "http_client"), ("async_client", "async_http_client"))
    ),
    "langchain_openai.ChatOpenAI": Client(_BOTH, bases=(*_BASE, "openai_api_base")),
    "langchain_openai.OpenAI": Client(_BOTH, bases=(*_BASE, "openai_api_base")),
    "langchain_openai.OpenAIEmbeddings": Client(_BOTH, bases=(*_BASE, "openai_api_base")),
    "pydantic_ai.providers.openrouter.OpenRouterProvider": _PROVIDER,
    "pydantic_ai.providers.openai.OpenAIProvider": Client(
        (_ASYNC,), alternatives=("openai_client",), bases=_BASE
    ),
    "pydantic_ai.providers.anthropic.AnthropicProvider": Client(
        (_ASYNC,), alternatives=("anthropic_client",)
    ),
}
"""Classes by their full names; those imported from deeper inside a package count too."""

HIDDEN = re.compile(
    r"litellm\.(a?(text_)?completion|a?embedding|a?responses|a?rerank|a?image_generation"
    r"|a?speech|a?transcription|(router\.)?Router|batch_completion)"
    r"|langchain_openrouter\.(chat_models\.)?ChatOpenRouter"
    r"|openai\.(chat\.completions|completions|responses|embeddings|images|audio\.\w+)\.\w+"
)
"""Calls whose client nobody hands in: `install()` alone reaches it."""

BY_MODEL = re.compile(
    r"pydantic_ai\.(agent\.)?Agent|pydantic_ai\.models\.infer_model"
    r"|pydantic_ai\.models\.\w+\.(OpenRouterModel|OpenAI\w*Model)"
    r"|langchain\.chat_models\.(base\.)?init_chat_model|instructor\.from_provider"
)
"""Calls that make such a client by themselves where the model's name says so."""
OF_OPENROUTER = re.compile(r"openrouter[:/]")
"""How the name of a model says that OpenRouter serves it."""

HTTPX = frozenset({"httpx", "httpx2"})
HTTP_CLIENTS = frozenset(
    f"{family}.{kind}" for family in HTTPX for kind in ("Client", "AsyncClient")
)
WITH_PATHS = frozenset({"http.client", *HTTPX})
"""Libraries whose objects know the host, so that a request of theirs names a path."""

_SENDS = re.compile(
    r"(requests|httpx2?|urllib\.request|urllib3|aiohttp|http\.client)\b.*"
    r"\.(post|request|stream|urlopen|Request|send|build_request)"
)
_UNKNOWN_SENDERS = frozenset({"post", "request", "stream"})


def client_of(name: str) -> Client | None:
    """The class of that full name; one imported from deeper inside its package is the same."""
    package, _, rest = name.partition(".")
    return CLIENTS.get(name) or CLIENTS.get(f"{package}.{rest.rpartition('.')[2]}")


def sender_of(function: ast.expr, names: set[str]) -> tuple[str, str] | None:
    """What sends a request: its library, `''` where that can't be told, and its full name.

    Args:
        function: what is called.
        names: the full names that it may have.
    """
    for name in sorted(names):
        found = _SENDS.fullmatch(name)
        if found is not None:
            return found[1], name
    if names or not isinstance(function, ast.Attribute) or function.attr not in _UNKNOWN_SENDERS:
        return None
    return "", ast.unparse(function)
