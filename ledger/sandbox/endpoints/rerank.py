"""POST /rerank: documents in the order of their relevance. Ids are `gen-rerank-...`."""

from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.endpoints.endpoint import Endpoint, kept, news
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

_PER_UNIT = 100


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    documents = body.get("documents")
    if not isinstance(body.get("query"), str) or not isinstance(documents, list) or not documents:
        return "Invalid request: query and documents are required"
    return None


def _words(document: Any) -> str:
    """The text of a document."""
    text = document.get("text") if isinstance(document, dict) else document
    return text if isinstance(text, str) else ""


def _text(call: Call) -> str:
    """The query and every document."""
    return costs.text_of(call.messages) + "".join(map(_words, call.params["documents"]))


def _tokens(_call: Call, prompt: str, _reply: str) -> tuple[int, int]:
    """Nothing is completed."""
    return costs.tokens_of(prompt), 0


def units(call: Call) -> int:
    """Search units: one for a query with up to 100 documents."""
    return -(-len(call.params["documents"]) // _PER_UNIT)


def _score(query: str, document: Any) -> float:
    """The part of the query's words that a document has."""
    words = set(query.lower().split())
    return len(words & set(_words(document).lower().split())) / (len(words) or 1)


def _whole(body: Body, call: Call) -> Body:
    """The completion as a ranking."""
    if "error" in body:
        return body
    scored = [
        (_score(str(call.messages), document), index, document)
        for index, document in enumerate(call.params["documents"])
    ]
    results = [
        {
            "index": index,
            "relevance_score": score,
            "document": document if isinstance(document, dict) else {"text": document},
        }
        for score, index, document in sorted(scored, key=lambda found: (-found[0], found[1]))
    ]
    top = call.params.get("top_n")
    answer: Body = {
        **kept(body, "id", "model", "provider"),
        "results": results[:top] if isinstance(top, int) else results,
        **news(body),
    }
    if "usage" in body:
        usage = body["usage"]
        counted = {"search_units": units(call)}
        answer["usage"] = {**counted, **kept(usage, "total_tokens", "cost"), **news(usage)}
    return answer


ENDPOINT = Endpoint(
    path="/rerank",
    name="rerank",
    api_type="rerank",
    said="query",
    whole=_whole,
    id_kind="rerank-",
    wrong=_wrong,
    text=_text,
    tokens=_tokens,
    units=units,
)
