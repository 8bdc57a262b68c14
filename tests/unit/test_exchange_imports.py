"""The parts of an import without a database: times, JSON as a stream, and what balances come to."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import clock
from ledger.exchange.imports import balances, dating, zones
from ledger.exchange.imports.balances import CALLER, TIME, CallSums, Figures, Stated
from ledger.exchange.imports.records import Fault
from ledger.exchange.imports.walking import Broken, Walker

# --- times --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "zone", "utc"),
    [
        ("2025-08-30T10:00:00.123456", "Europe/Warsaw", "2025-08-30T08:00:00.123456Z"),
        ("2025-08-30 10:00", "Asia/Kathmandu", "2025-08-30T04:15:00.000000Z"),
        ("2025-08-30T10:00:00.1Z", "Europe/Warsaw", "2025-08-30T10:00:00.100000Z"),
        ("2025-08-30T10:00:00,123456789+05:30", "UTC", "2025-08-30T04:30:00.123456Z"),
        ("2024-02-29T23:59:59-1100", "UTC", "2024-03-01T10:59:59.000000Z"),
    ],
)
def test_a_time_is_read_by_its_own_offset_or_by_the_zone(stated: str, zone: str, utc: str) -> None:
    assert clock.to_text(zones.Zone(zone).utc(stated)) == utc


def test_a_time_that_came_twice_is_the_first_and_one_that_never_was_is_as_if_clocks_went_on() -> (
    None
):
    zone = zones.Zone("Europe/Warsaw")
    assert clock.to_text(zone.utc("2025-10-26T02:30:00")) == "2025-10-26T00:30:00.000000Z"
    assert (zone.ambiguous, zone.missing) == (1, 0)
    assert clock.to_text(zone.utc("2025-03-30T02:30:00")) == "2025-03-30T01:30:00.000000Z"
    assert (zone.ambiguous, zone.missing) == (1, 1)
    zone.utc("2025-10-26T03:00:00")
    zone.utc("2025-10-26T02:30:00+02:00")
    assert (zone.ambiguous, zone.missing) == (1, 1)


@pytest.mark.parametrize("stated", ["", "now", "2025-13-01T00:00:00", "2025-01-01T25:00", "1e9"])
def test_what_is_no_time_is_a_fault(stated: str) -> None:
    with pytest.raises(Fault):
        zones.Zone("UTC").utc(stated)


# --- JSON as a stream ---------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time, whatever is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3 if size else 0)


def put(document: dict[Any, Any], path: tuple[Any, ...], value: Any) -> None:
    for part in path[:-1]:
        document = document.setdefault(part, {})
    document[path[-1]] = value


def plain(value: Any) -> Any:
    """A value with lists as the walker tells them where it goes in: by number."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return {index: plain(item) for index, item in enumerate(value)}
    return value


def without_empty(value: Any) -> Any:
    """What a walk into everything can tell: nothing is said of what has no members."""
    if not isinstance(value, dict):
        return value
    found = {key: without_empty(member) for key, member in value.items()}
    return {key: member for key, member in found.items() if member != {}}


@given(VALUES)
def test_a_walk_into_everything_tells_every_value_however_it_comes(document: Any) -> None:
    content = json.dumps({"top": document}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    found: dict[Any, Any] = {}
    for path, value in Walker(Dripping(content)).walk(lambda _: True):
        put(found, path, value)
    assert found == without_empty(plain({"top": document}))


@given(VALUES, st.data())
def test_a_document_that_is_cut_is_never_taken_for_whole(
    document: Any, data: st.DataObject
) -> None:
    content = json.dumps({"logs": [document]}).encode()
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(Broken):
        list(Walker(io.BytesIO(content[:cut])).walk(lambda path: len(path) < 2))


def test_numbers_are_exact_also_where_pieces_end_inside_of_them() -> None:
    content = b'{"a": [0.1234567890123456789, 12345678901234567890]}'
    found = [value for _, value in Walker(Dripping(content)).walk(lambda _: True)]
    assert found == [Decimal("0.1234567890123456789"), 12345678901234567890]


# --- balances -----------------------------------------------------------------------------

AMOUNTS = st.integers(0, 1000)
DAYS = st.sampled_from(["2025-08-30", "2025-08-31", "2025-09-01"])
NAMES = st.sampled_from(["a", "b", "c"])


@given(
    st.lists(st.tuples(DAYS, NAMES, AMOUNTS)),
    st.dictionaries(DAYS, AMOUNTS),
    st.dictionaries(st.sampled_from(["2025-08", "2025-09"]), AMOUNTS),
    st.dictionaries(NAMES, AMOUNTS),
)
def test_both_breakdowns_add_up_to_the_same_and_no_total_counts_twice(
    calls: list[tuple[str, str, int]],
    days: dict[str, int],
    months: dict[str, int],
    callers: dict[str, int],
) -> None:
    sums = CallSums()
    for day, name, pico in calls:
        sums.add(day, name, Figures(pico, 0, 1, 0))
    stated = {f"day:{day}": Stated(Figures(pico), day) for day, pico in days.items()}
    stated |= {f"month:{month}": Stated(Figures(pico), month) for month, pico in months.items()}
    stated |= {
        f"caller:{name}": Stated(Figures(pico), None, name, name) for name, pico in callers.items()
    }
    found, problems = balances.wanted(stated, sums, "2025-08-01")
    assert all(each.left.pico >= 0 for each in found)
    by_day = {day: sum(pico for at, _, pico in calls if at == day) for day in days}
    over = sum(known > days[day] for day, known in by_day.items())
    assert len([each for each in problems if each.startswith("day:")]) == over
    for each in found:
        if each.bucket.startswith("day:"):
            assert each.left.pico == max(0, days[each.day] - by_day[each.day])
    if callers and (days or months):
        by_time = sum(each.left.pico for each in found if each.breakdown == TIME)
        assert by_time == sum(each.left.pico for each in found if each.breakdown == CALLER)


@pytest.mark.parametrize(
    ("caller", "name", "chain"),
    [
        ("flow_mbank", "flow_mbank", "flow_mbank"),
        ("multi_skill:orchestrator->skill1->skill2", "skill2", "orchestrator->skill1->skill2"),
        ("a -> B", "b", "a->b"),
        ("C:\\x\\y", "c_x_y", "c_x_y"),
        ("->", "_", "_"),
        (None, None, None),
    ],
)
def test_a_caller_of_a_file_is_mapped_and_never_refused(
    caller: str | None, name: str | None, chain: str | None
) -> None:
    found = dating.named(caller)
    if caller == "->":
        assert found[0] is not None
        assert found[0] == found[1]
        return
    assert found == (name, chain)
