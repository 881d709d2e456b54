"""What is wrong, where, why, and what to write instead: the one shape in which everything is reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from qwen_recipes.errors import QwenRecipesError

Severity = Literal["error", "warning", "advice"]
Route = tuple[str | int, ...]
"""The way to a value in the recipe: keys and list positions from the top."""


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of text. Lines and columns count from 1, in characters; the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    file: str = ""
    """The file, where it is a base that the recipe extends."""


COMMAND_LINE_SPAN = Span(0, 0, 0, 0)
"""Where a value from `--set` stands: nowhere in the file."""


@dataclass(frozen=True)
class Finding:
    """One thing to report: what (`message`), where (`span`), why, and what to write instead (`suggestion`).

    `code` is a guard's, e.g. QR301, or names what is wrong: `recipe`, `model`, `data`, `output`, or `backend` for a
    setting that a framework does not support. `route` leads to the value: keys and list positions from the top.
    """

    code: str
    severity: Severity
    message: str
    route: Route = ()
    why: str = ""
    suggestion: str = ""
    file: str = ""
    span: Span | None = None
    fix: object = field(default=None, compare=False)
    """How to put it right by an edit, where that is known."""
    line: str = field(default="", compare=False)
    """The text of the line where it starts."""


MAX_FINDINGS = 200
"""At most this many findings of one file are reported."""


class RecipeError(QwenRecipesError):
    """The recipe can't be used as it is. Holds every finding, in the order of the file, up to MAX_FINDINGS."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} problems")
        ordered = sorted(findings, key=lambda f: (f.span or Span(0, 0, 0, 0), f.message))
        self.findings = limit_findings(ordered)


def limit_findings(findings: list[Finding]) -> list[Finding]:
    """The first MAX_FINDINGS, and one that says that there are more, as severe as the worst of those."""
    if len(findings) <= MAX_FINDINGS:
        return findings
    left_out = {finding.severity for finding in findings[MAX_FINDINGS:]}
    worst = next(severity for severity in get_args(Severity) if severity in left_out)
    message = f"there are more problems; these are the first {MAX_FINDINGS}"
    return [*findings[:MAX_FINDINGS], Finding("recipe", worst, message, file=findings[0].file)]


def format_route(route: Route) -> str:
    """`("data", "train", 0, "path")` as people write it: `data.train[0].path`."""
    text = ""
    for step in route:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
