"""What differs between two runs, or two recipes, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qwen_recipes.runs.record import RunRecord


@dataclass(frozen=True)
class ValueDifference:
    """One value that differs: what it is, and what it is in the first and in the second."""

    what: str
    first: Any
    second: Any

    def format_line(self) -> str:
        """The difference as a line."""
        if self.first is None:
            return f"{self.what}: {format_value(self.second)} in the second only"
        if self.second is None:
            return f"{self.what}: {format_value(self.first)} in the first only"
        second = f"{format_value(self.second)} in the second{self._format_ratio()}"
        return f"{self.what}: {format_value(self.first)} in the first, {second}"

    def _format_ratio(self) -> str:
        """How much more or less, where both are positive numbers."""
        numbers = [value for value in (self.first, self.second) if _is_number(value) and value > 0]
        if len(numbers) < 2:
            return ""
        ratio = numbers[1] / numbers[0]
        return f" ({ratio:.3g} times)" if ratio >= 2 or ratio <= 0.5 else f" ({(ratio - 1) * 100:+.3g}%)"


DifferenceSection = tuple[str, list[ValueDifference]]


def compare_plans(first: dict[str, object], second: dict[str, object]) -> list[ValueDifference]:
    """The resolved values that differ, by field; lists count as their items."""
    return list(_iter_differences(first, second))


def compare_runs(first: RunRecord, second: RunRecord) -> list[DifferenceSection]:
    """What differs between two runs: a section for recipe, data, environment, machine and result, where it does."""
    sections: list[DifferenceSection] = [
        ("recipe", compare_plans(get_resolved_values(first), get_resolved_values(second))),
        ("data", compare_plans(_get_data_hashes(first), _get_data_hashes(second))),
        ("environment", compare_plans(_get_environment_values(first), _get_environment_values(second))),
        ("machine", compare_plans(_get_machine_values(first), _get_machine_values(second))),
        ("result", compare_plans(_get_result_values(first), _get_result_values(second))),
    ]
    return [section for section in sections if section[1]]


def get_resolved_values(record: RunRecord) -> dict[str, object]:
    """The resolved values of a run, by field."""
    return {row["field"]: row["value"] for row in record.plan if not row["field"].startswith("output.")}


def format_value(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(format_value(one) for one in value) + "]"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    return "none" if value is None else str(value)


def _iter_differences(first: dict[str, object], second: dict[str, object]) -> Iterator[ValueDifference]:
    for name in [*first, *(name for name in second if name not in first)]:
        before, after = first.get(name), second.get(name)
        if before != after:
            yield ValueDifference(name, before, after)


def _get_data_hashes(record: RunRecord) -> dict[str, object]:
    return {f"{one['split']} {one.get('path') or one.get('hub')}": one.get("sha256") for one in record.data}


def _get_environment_values(record: RunRecord) -> dict[str, object]:
    packages: dict[str, Any] = record.environment.get("packages", {})
    return {"framework": " ".join(record.backend.values()), **packages, "qwen-recipes": record.system["qwen-recipes"]}


def _get_machine_values(record: RunRecord) -> dict[str, object]:
    gpus = [f"{gpu['name']} ({gpu['memory']} MiB, driver {gpu['driver']})" for gpu in record.gpus]
    return {"host": record.host, "GPUs": gpus or None, "platform": record.system.get("platform")}


def _get_result_values(record: RunRecord) -> dict[str, object]:
    names = ("status", "steps", "first_loss", "last_loss", "last_eval_loss", "seconds", "resumed_from")
    measured = {name: record.metrics.get(name) for name in ("tokens_per_second", "seconds_per_step", "peak_memory")}
    return {**{name.replace("_", " "): getattr(record, name) for name in names}, **_label_metrics(measured)}


def _label_metrics(measurements: dict[str, object]) -> dict[str, object]:
    units = {
        "tokens_per_second": "tokens per second",
        "seconds_per_step": "seconds per step",
        "peak_memory": "peak memory, bytes",
    }
    return {units[name]: value for name, value in measurements.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
