import hashlib

import pytest

from ledger.errors import ConfigInvalid, KeyInvalid
from ledger.openrouter import endpoints, keys

KEY = "sk-or-v1-" + "ab" * 32


def test_a_key_passes_and_loses_the_whitespace_around_it() -> None:
    assert keys.check(f" {KEY}\r\n") == KEY
    assert keys.check("sk-or-v1-FAKE0123456789ab") == "sk-or-v1-FAKE0123456789ab"
    assert keys.check("sk-or-v2-" + "cd" * 32) == "sk-or-v2-" + "cd" * 32


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("sk-or-v1-...", "placeholder"),
        ("sk-or-v1-", "placeholder"),
        ("sk-or-v1-0e6...1c96", "masked"),
        ("your-key-here", "placeholder"),
        ("<your key>", "placeholder"),
        ("sk-or-v1-xxxxxxxxxxxxxxxxxxxxxxxx", "placeholder"),
        ("sk-or-v1-abababababababa", "cut short"),
        (KEY[:-1], "63 digits after the prefix, and such keys have 64: it is cut short"),
        (KEY[:40], "cut short"),
        (KEY + KEY[9:], "more than one key"),
        (KEY[:40] + "=" + KEY[40:], "damaged"),
        (KEY[:40] + " " + KEY[40:], "spaces"),
        (KEY[:40] + "\n" + KEY[40:], "control characters"),
        (KEY[:40] + "\x00" + KEY[40:], "control characters"),
        (KEY[:40] + "é" + KEY[40:], "characters that no key has"),
        (f'"{KEY}"', "quotation marks"),
        (f"Bearer {KEY}", "Bearer"),
        ("sk-ant-api03-" + "ab" * 20, "Anthropic"),
        ("sk-proj-" + "ab" * 20, "OpenAI"),
        ("gsk_" + "ab" * 20, "Groq"),
        ("AIza" + "ab" * 20, "Google"),
        ("hf_" + "ab" * 20, "Hugging Face"),
        ("ab" * 32, "does not begin with 'sk-or-v1-'"),
    ],
)
def test_what_can_be_no_key_is_refused_with_the_reason_and_without_the_key(
    key: str, said: str
) -> None:
    with pytest.raises(KeyInvalid, match="cannot be used") as caught:
        keys.check(key)
    assert said in str(caught.value)
    assert "openrouter.ai/settings/keys" in caught.value.hint
    assert "abab" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "  ",
        "''",
        "sk-or-v1-",
        "sk-or-v1-...",
        "sk-or-v1-\N{HORIZONTAL ELLIPSIS}",
        "sk-or-v1-your-key-here",
        "YOUR_KEY_HERE",
        "your_api_key",
        "<key>",
        "${OPENROUTER_API_KEY}",
        "OPENROUTER_API_KEY",
        "None",
        "null",
        "changeme",
        "xxx",
        "sk-or-v1-XXXXXXXX",
        "****",
    ],
)
def test_what_stands_where_a_key_should_be_is_a_placeholder(key: str) -> None:
    assert keys.is_placeholder(key)


@pytest.mark.parametrize("key", [KEY, "sk-or-v1-FAKE0123456789ab", "sk-ant-api03-abab", "wrong"])
def test_a_key_even_a_wrong_one_is_no_placeholder(key: str) -> None:
    assert not keys.is_placeholder(key)


def test_the_mask_is_the_providers_own_and_shows_nothing_of_what_is_no_key() -> None:
    assert keys.mask("sk-or-v1-0e6" + "ab" * 28 + "f1c96") == "sk-or-v1-0e6...1c96"
    for other in ("", "sk-or-v1-short", "sk-ant-api03-" + "ab" * 20, "a secret"):
        assert keys.mask(other) == "..."


def test_the_hash_is_lowercase_sha256_of_the_key_alone() -> None:
    expected = hashlib.sha256(KEY.encode()).hexdigest()
    assert keys.key_hash(KEY) == keys.key_hash(f" {KEY}\n") == expected
    assert expected == expected.lower()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (endpoints.DEFAULT_BASE_URL, "https://openrouter.ai/api/v1"),
        ("https://eu.openrouter.ai/api/v1/ \n", "https://eu.openrouter.ai/api/v1"),
        ("http://127.0.0.1:8123/api/v1", "http://127.0.0.1:8123/api/v1"),
        ("http://localhost:8123/", "http://localhost:8123"),
        ("http://[::1]:8123/api/v1", "http://[::1]:8123/api/v1"),
    ],
)
def test_a_base_url_passes_without_its_last_slash(given: str, kept: str) -> None:
    assert endpoints.check_base_url(given) == kept


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "empty"),
        ("openrouter.ai/api/v1", "no host"),
        ("https://", "no host"),
        ("https://[::1/api", "no host"),
        ("https://host:port99/api", "no host"),
        ("http://openrouter.ai/api/v1", "in the clear"),
        ("http://127.0.0.1.secret.example/api", "in the clear"),
        ("http://localhost.secret.example/api", "in the clear"),
        ("ftp://secret.example/api", "neither https nor http"),
        ("https://me:secret@openrouter.ai/api/v1", "user name or password"),
        ("https://openrouter.ai/api/v1?x=secret", "query or a fragment"),
        ("https://openrouter.ai/api/v1?", "query or a fragment"),
        ("https://openrouter.ai/api/v1#secret", "query or a fragment"),
        ("https://openrouter.ai/a\tpi/secret", "characters that no URL has"),
        ("https://openrouter.ai\\@secret.example/", "characters that no URL has"),
        ("https://openrouter.ai/api/v1/chat/completions", "is added to it"),
    ],
)
def test_a_base_url_that_no_key_may_go_to_is_refused_with_the_reason(url: str, said: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        endpoints.check_base_url(url)
    assert said in str(caught.value)
    assert "OPENROUTER_BASE_URL" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_addresses_are_built_under_the_base_url() -> None:
    base = endpoints.check_base_url("https://eu.openrouter.ai/api/v1/")
    chat = endpoints.url(base, endpoints.CHAT_COMPLETIONS)
    assert chat == "https://eu.openrouter.ai/api/v1/chat/completions"
    assert endpoints.generation_url(base, "gen-1-a b/&?#é\ud800") == (
        "https://eu.openrouter.ai/api/v1/generation?id=gen-1-a%20b%2F%26%3F%23%C3%A9%3F"
    )
