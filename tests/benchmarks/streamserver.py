"""A server that does nothing but stream: a thousand chunks, after a pause before the first.

Run as a program with the pause in milliseconds, it prints its port and serves until its standard
input closes.
"""

import asyncio
import sys

CHUNKS = 1000
_ID = "gen-1795480000-abcdefghijklmnopqrst"
_HEAD = f'"id":"{_ID}","provider":"OpenAI","model":"openai/gpt-4o-mini","created":1795480000'
_CHUNK = (
    f'data: {{{_HEAD},"object":"chat.completion.chunk","choices":[{{"index":0,"delta":'
    '{"role":"assistant","content":" word"},"finish_reason":null,"native_finish_reason":null,'
    '"logprobs":null}],"system_fingerprint":"fp_560af6e559"}\n\n'
).encode()
_END = (
    f'data: {{{_HEAD},"object":"chat.completion.chunk","choices":[{{"index":0,"delta":'
    '{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":19,"completion_tokens":1000,"total_tokens":1019,'
    '"cost":0.0006000000000000003,"is_byok":false}}\n\ndata: [DONE]\n\n'
).encode()
_START = (
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    f"x-generation-id: {_ID}\r\ntransfer-encoding: chunked\r\n\r\n"
).encode()


def _part(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_FIRST = _START + _part(_CHUNK)
_REST = [_part(_CHUNK)] * (CHUNKS - 1) + [_part(_END), b"0\r\n\r\n"]
_BURST = 20  # chunks that come together, as they do where a model is fast


class _Streaming(asyncio.Protocol):
    """Streams to each complete request."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + size:
                return
            self._received = self._received[end + 4 + size :]
            asyncio.get_running_loop().call_later(self._pause_s, self._answer)

    def _answer(self) -> None:
        self._transport.write(_FIRST)
        asyncio.get_running_loop().call_soon(self._burst, 0)

    def _burst(self, at: int) -> None:
        self._transport.write(b"".join(_REST[at : at + _BURST]))
        if at + _BURST < len(_REST):
            asyncio.get_running_loop().call_soon(self._burst, at + _BURST)


async def _serve(pause_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Streaming(pause_s), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
