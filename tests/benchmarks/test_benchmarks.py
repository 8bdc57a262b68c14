"""The measurements run and say what they should; their figures never decide a test."""

import budgets
import exports
import measure
import streaming


def test_every_way_is_measured_against_its_base() -> None:
    found = measure.measure(rounds=1, calls=20)
    for title, figures in found.items():
        base = title.partition(", to ")[2]
        assert figures[base] == 1.0
        assert all(ratio > 0 for ratio in figures.values())
    assert "ledger, FULL" in found["one after another, to bare httpx"]
    assert "ledger, one call" in found["whole processes, to bare httpx, one call"]


def test_streams_are_measured_to_the_first_token_and_in_all() -> None:
    found = streaming.measure(rounds=1, streams=1)
    assert len(found) == 4
    for figures in found.values():
        assert set(figures) == {"first token", "1,000 chunks"}
        assert all(ratio > 0 for ratio in figures.values())


def test_every_way_out_of_the_books_is_measured() -> None:
    found = exports.measure(2_000)
    assert set(found) == {*exports.WAYS, "written"}
    assert found["written"]["json_mib"] > 0
    assert all(found[way]["peak_mib"] > 0 for way in exports.WAYS)


def test_what_budgets_add_is_measured_against_a_call_without() -> None:
    found = budgets.measure(rounds=1, calls=10, rows=10)
    assert set(found) == {"FULL", "NORMAL"}
    for figures in found.values():
        assert set(figures) == {"0", "1", "5", "20", budgets.PLAIN}
        assert all(ratio > 0 for ratio in figures.values())
