"""How often each code was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from qwen_recipes.cli.escaping import dump_json
from qwen_recipes.finding import Finding

_OTHER_TITLES = {"data": "Missing data file", "backend": "Unsupported setting"}
"""What findings are about that are no guard's."""


def count_by_code(findings: Iterable[Finding]) -> list[tuple[str, str, int]]:
    """Code, severity and count; the most frequent first."""
    counts = Counter((finding.code, finding.severity) for finding in findings)
    return [(code, severity, n) for (code, severity), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def format_table(findings: Iterable[Finding]) -> str:
    """One line a code: count, code, severity, and what it is about."""
    return "\n".join(
        f"{n:>6}  {code:<6}  {severity:<8}  {_get_title(code)}" for code, severity, n in count_by_code(findings)
    )


def format_json(findings: Iterable[Finding]) -> str:
    """A JSON list of the same."""
    rows = [
        {"code": code, "severity": severity, "count": n, "title": _get_title(code)}
        for code, severity, n in count_by_code(findings)
    ]
    return dump_json(rows)


def _get_title(code: str) -> str:
    from qwen_recipes.guards import load_guard

    try:
        return load_guard(code).title
    except KeyError:
        return _OTHER_TITLES.get(code, "Invalid recipe")
