"""Numbers of records are bounded in one place, for every record and for the table of runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from pydantic import BaseModel

from qwen_recipes.runs.validate_record import MAX_NUMBER, make_plain, validate_record


@dataclass
class Record:
    """A record with a number, and one inside a list."""

    seconds: float | None = None
    gpus: list[dict[str, float | str]] = field(default_factory=list)


class Shape(BaseModel):
    """What has to be a number."""

    seconds: float | None


@pytest.mark.parametrize("number", [10 * MAX_NUMBER, -10 * MAX_NUMBER, 1e305])
def test_numbers_that_nothing_can_be_computed_with_are_refused(number: float) -> None:
    for data in ({"seconds": number}, {"seconds": 1.0, "gpus": [{"memory": number}]}):
        with pytest.raises(ValueError, match="a number above"):
            validate_record(Record, data, Shape)


def test_numbers_that_are_none_are_missing() -> None:
    assert validate_record(Record, {"seconds": float("nan")}, Shape).seconds is None
    assert make_plain([float("inf"), True, 2, 1e300, "text"]) == [None, True, 2, 1e300, "text"]


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="seconds"):
        validate_record(Record, {"seconds": "soon"}, Shape)
