"""The inference endpoints: one module each, and the table of them.

An answer is built once, as a chat completion with everything that scripts and directives change in
it; each endpoint then tells the same answer in its own shape: its place for the id, its names for
usage and cost, its events.
"""

from ledger.sandbox.endpoints import (
    chat,
    completions,
    embeddings,
    images,
    messages,
    rerank,
    responses,
    speech,
    transcriptions,
    videos,
)

TABLE = {
    module.ENDPOINT.path: module.ENDPOINT
    for module in (
        chat,
        completions,
        responses,
        messages,
        embeddings,
        rerank,
        images,
        speech,
        transcriptions,
        videos,
    )
}
