"""The messages in the bodies that other libraries send, whatever their endpoint."""

import json
from typing import Any

import pytest

from ledger.calls.foreign_contents import sent_messages

USER = {"role": "user", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Brief."}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"messages": [USER]}, [USER]),
        ({"system": "Brief.", "messages": [USER]}, [SYSTEM, USER]),
        (
            {"instructions": "Brief.", "input": "Hello"},
            [SYSTEM, USER],
        ),
        ({"input": ["Hello", "Hello"]}, [USER, USER]),
        ({"prompt": "Hello"}, [USER]),
        ({"input": [[1, 2], [3]]}, []),
        ({"messages": 7, "input": None}, []),
        ([USER], []),
        ("Hello", []),
    ],
)
def test_messages_are_found_in_every_endpoints_place(body: Any, found: Any) -> None:
    assert sent_messages(json.dumps(body).encode()) == found


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"--boundary\r\n"])
def test_what_is_no_json_holds_no_messages(body: bytes) -> None:
    assert sent_messages(body) == []
