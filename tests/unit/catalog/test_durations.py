import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.catalog.durations import parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("4h", 14_400), ("2d", 172_800), ("1h30m", 5_400), ("0s", 0)]
)
def test_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "4", "h", "4 hours", "4H", "-4h", "4h4h", "30m4h", "1.5h", 4, 4.0, None, True, []]
)
def test_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_shown_reads_back(seconds: int) -> None:
    assert parse_duration(show_duration(seconds)) == seconds


def test_parts_of_a_second_are_shown() -> None:
    assert show_duration(1.25) == "1.250s"
