"""A server that does nothing but answer, so that what is measured is the client.

Run as a program it prints its port and serves until its standard input closes.
"""

import asyncio
import sys

_BODY = (
    b'{"id":"gen-1795480000-abcdefghijklmnopqrst","provider":"OpenAI","model":"openai/gpt-4o-mini",'
    b'"object":"chat.completion","created":1795480000,"choices":[{"logprobs":null,'
    b'"finish_reason":"stop","native_finish_reason":"stop","index":0,"message":{"role":"assistant",'
    b'"content":"' + b"All is well. " * 12 + b'","refusal":null,"reasoning":null}}],'
    b'"system_fingerprint":"fp_560af6e559","usage":{"prompt_tokens":19,"completion_tokens":31,'
    b'"total_tokens":50,"cost":0.0000214500000000003,"is_byok":false,"prompt_tokens_details":'
    b'{"cached_tokens":0,"audio_tokens":0},"cost_details":{"upstream_inference_cost":null,'
    b'"upstream_inference_prompt_cost":0.00000285,"upstream_inference_completions_cost":0.0000186},'
    b'"completion_tokens_details":{"reasoning_tokens":0,"image_tokens":0}}}'
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    b"x-generation-id: gen-1795480000-abcdefghijklmnopqrst\r\n"
    b"content-length: " + str(len(_BODY)).encode() + b"\r\n\r\n" + _BODY
)


class _Answering(asyncio.Protocol):
    """Answers each complete request at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + size:
                return
            self._received = self._received[end + 4 + size :]
            self._transport.write(_ANSWER)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
