"""The LLM calls of one file that are not on the books, each with its one-line change."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.adoption import changes, sdks
from ledger.adoption.source import Source, key
from ledger.adoption.texts import Texts
from ledger.adoption.urls import Urls

_IGNORE = re.compile(r"#\s*ledger:\s*ignore\b")
_INSTALL = re.compile(r"ledger\.(Ledger\(\)\.)?install")
_OURS = re.compile(r"ledger\.(Ledger\(\)\.)?(async_)?(http_client|transport|openai)\b")
_NO_CALLS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One LLM call that is not on the books.

    Attributes:
        file: as given to the scan.
        line: counts from 1.
        call: what is called, by its full name.
        why: why it is not on the books.
        change: the line that puts it there, or what to do about the one that is there.
        by_install: whether `ledger.install()` would reach it too.
    """

    file: str
    line: int
    call: str
    why: str
    change: str
    by_install: bool = True


class Finder:
    """Looks through one file.

    Args:
        file: its name in findings.
        text: its source.
        source: the same, its names learnt.
        urls: which URLs are to be booked.
    """

    def __init__(self, file: str, text: str, source: Source, urls: Urls) -> None:
        self._file = file
        self._lines = text.split("\n")
        self._source = source
        self._texts = Texts(source)
        self._urls = urls
        calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
        self._calls = sorted(calls, key=lambda node: (node.lineno, node.col_offset))

    def findings(self) -> Iterator[Finding]:
        """What is not on the books, in the order of its lines. `# ledger: ignore` hides a call."""
        for call in self._calls:
            lines = self._lines[call.lineno - 1 : call.end_lineno]
            found = self._finding(call)
            if found is not None and not any(map(_IGNORE.search, lines)):
                yield found

    def installs(self) -> bool:
        """Whether the file puts all of its process on the books."""
        names = (self._source.origins(call.func) for call in self._calls)
        return any(_INSTALL.fullmatch(name) for found in names for name in found)

    # --- inside -----------------------------------------------------------------------------

    def _finding(self, call: ast.Call) -> Finding | None:
        names = self._source.origins(call.func)
        for name in sorted(names):
            client = sdks.client_of(name)
            if client is not None:
                return self._client(call, name, client)
            if name in sdks.HTTP_CLIENTS:
                return self._http_client(call, name)
            if sdks.HIDDEN.fullmatch(name) or self._is_by_model(call, name):
                why = "it makes its client by itself"
                return self._report(call, name, why, "ledger.install()")
        return self._request(call, names)

    def _report(self, call: ast.Call, name: str, why: str, change: str) -> Finding:
        return Finding(self._file, call.lineno, name, why, change)

    def _is_ours(self, node: ast.expr | None) -> bool:
        """Whether an expression is, or holds, a client or transport of ours."""
        inner = ast.walk(node) if node is not None else ()
        names = (self._source.origins(each) for each in inner if isinstance(each, ast.expr))
        return any(_OURS.match(name) for found in names for name in found)

    def _client(self, call: ast.Call, name: str, client: sdks.Client) -> Finding | None:
        """A client of an SDK that is given none of ours."""
        given = {item.arg: item.value for item in call.keywords}
        missing = [each for each in client.takes if not self._is_ours(given.get(each[0]))]
        if not missing or any(self._is_ours(given.get(other)) for other in client.alternatives):
            return None
        base = next((given[each] for each in client.bases if each in given), None)
        if client.instead and base is None:
            change = changes.with_other(self._lines, call, f"ledger.{client.instead}")
            return self._report(call, name, "it speaks to its own host", change)
        other = self._urls.other(self._texts.of(base)) if base is not None else None
        options = f'"{sdks.family_of(name.partition(".")[0])}"'
        options += f", hosts=[{other!r}]" if other else ""
        added = [f"{argument}=ledger.{maker}({options})" for argument, maker in missing]
        if client.bases and base is None:
            added.insert(0, f'{client.bases[0]}="{client.default_base}"')
        change = changes.with_arguments(self._lines, call, added)
        return self._report(call, name, f"its {missing[0][0]} is none of the ledger's", change)

    def _is_by_model(self, call: ast.Call, name: str) -> bool:
        """Whether a model or provider that the call names is OpenRouter's."""
        if not sdks.BY_MODEL.fullmatch(name):
            return False
        given = {item.arg: item.value for item in call.keywords}
        if "provider" in given:
            return "openrouter" in self._texts.of(given["provider"])
        models = [
            *call.args[:1],
            *(given[each] for each in ("model", "model_name") if each in given),
        ]
        texts = {text for model in models for text in self._texts.of(model)}
        return name.endswith(".OpenRouterModel") or any(map(sdks.OF_OPENROUTER.match, texts))

    def _http_client(self, call: ast.Call, name: str) -> Finding | None:
        """A client of httpx whose base URL is a host of ours."""
        if not self._is_for_host(call):
            return None
        maker = "async_transport" if "Async" in name else "transport"
        added = [f'transport=ledger.{maker}(family="{name.partition(".")[0]}")']
        change = changes.with_arguments(self._lines, call, added)
        return self._report(call, name, "its transport is none of the ledger's", change)

    def _is_for_host(self, call: ast.Call) -> bool:
        """Whether a client of httpx has a base URL at a host of ours, and no transport of ours."""
        given = {item.arg: item.value for item in call.keywords}
        texts = self._texts.of(given.get("base_url"))
        return any(map(self._urls.is_known, texts)) and not self._is_ours(given.get("transport"))

    def _request(self, call: ast.Call, names: set[str]) -> Finding | None:
        """A request to a host of ours, sent by some library of HTTP."""
        sender = sdks.sender_of(call.func, names)
        if sender is None or self._is_watched(call.func):
            return None
        library, name = sender
        arguments = [*call.args, *(item.value for item in call.keywords if item.arg == "url")]
        texts = {text for argument in arguments[:3] for text in self._texts.of(argument)}
        paths = library in sdks.WITH_PATHS
        if texts & _NO_CALLS or not any(self._urls.is_call(t, also_paths=paths) for t in texts):
            return None
        if library in sdks.HTTPX:
            maker = "async_http_client" if "Async" in name else "http_client"
            change = f'ledger.{maker}("{library}").{name.rpartition(".")[2]}(...)'
            return self._report(call, name, "it goes through no client of the ledger's", change)
        why = f"{library or 'the object that sends it'} is no client that the ledger can watch"
        change = "ledger.get_response(...), or httpx with ledger.http_client()"
        return Finding(self._file, call.lineno, name, why, change, by_install=False)

    def _is_watched(self, function: ast.expr) -> bool:
        """Whether the object that sends is ours, or is on the list itself."""
        if not isinstance(function, ast.Attribute):
            return False
        name = key(function.value)
        made = (self._source.values.get(name) if name else None) or [function.value]
        return any(
            self._is_ours(value) or (isinstance(value, ast.Call) and self._is_for_host(value))
            for value in made
        )
