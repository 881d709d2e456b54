"""Several completions of an instruction with their scores (UltraFeedback): the best against the worst as a pair."""

from __future__ import annotations

from typing import Any

from .message_forms import RowOptions
from .row import BadRowError, Row

SCORE_KEYS = ("overall_score", "fine-grained_score", "score")
RATINGS_KEY = "annotations"
RESPONSE_KEYS = ("response", "completion", "content")


def has_scored_completions(row: Row) -> bool:
    """Whether a row has a list of completions that are maps with a response."""
    listed = row.get("completions")
    return isinstance(listed, list) and any(isinstance(one, dict) and _get_response(one) is not None for one in listed)


def read_scored_completions(row: Row, options: RowOptions) -> Row:
    """The instruction, the completion with the highest score and the one with the lowest. Raises BadRowError."""
    if not isinstance(row.get("completions"), list):
        raise BadRowError("`completions` is not a list")
    scored = [_read_completion(index, one) for index, one in enumerate(row["completions"])]
    if len(scored) < 2:
        raise BadRowError(f"{len(scored)} completions: a pair needs two with different scores")
    best, worst = max(scored, key=lambda one: one[0]), min(scored, key=lambda one: one[0])
    if best[0] == worst[0]:
        raise BadRowError(f"all {len(scored)} completions have the score {best[0]:g}: none is better")
    prompt = [{"role": "user", "content": row.get("instruction")}]
    return {"prompt": prompt, "chosen": best[1], "rejected": worst[1]}


def _read_completion(index: int, completion: Any) -> tuple[float, str]:
    where = f"`completions.{index}`"
    response = _get_response(completion) if isinstance(completion, dict) else None
    if not isinstance(response, str) or not response:
        raise BadRowError(f"no text in {where}.response")
    score = next((found for key in SCORE_KEYS if (found := _read_number(completion.get(key))) is not None), None)
    if score is None:
        score = _average_ratings(completion.get(RATINGS_KEY))
    if score is None:
        raise BadRowError(f"no score in {where}: one of {', '.join(SCORE_KEYS)}, or ratings in `{RATINGS_KEY}`")
    return score, response


def _get_response(completion: dict[str, object]) -> Any:
    return next((completion[key] for key in RESPONSE_KEYS if completion.get(key) is not None), None)


def _average_ratings(annotations: object) -> float | None:
    """The mean of the ratings of all aspects; None where there is none."""
    aspects = annotations.values() if isinstance(annotations, dict) else ()
    notes = [note for aspect in aspects for note in (aspect if isinstance(aspect, list) else [aspect])]
    ratings = [_read_number(note.get("Rating", note.get("rating"))) for note in notes if isinstance(note, dict)]
    known = [rating for rating in ratings if rating is not None]
    return sum(known) / len(known) if known else None


def _read_number(value: object) -> float | None:
    """A finite number, also as text; None for anything else (`N/A`)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
