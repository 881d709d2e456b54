"""Any metric of a run by its step, from whatever its framework logs: files first, else what it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwen_recipes.filesystem.read_file import parse_json, read_json, read_tail
from qwen_recipes.runs.logged_numbers import parse_number, parse_step, read_step
from qwen_recipes.runs.record import LOG_FILE
from qwen_recipes.runs.trainer_logs import MAX_LOG_BYTES, find_newest_checkpoint

_PRINTED = re.compile(r"\{'[^{}]{1,8000}\}")
_PAIR = re.compile(r"'([A-Za-z_/0-9.-]{1,60})': (?:'([^',{}]{1,40})'|([^',{} ]{1,40}))")


def read_metric(output: Path, names: tuple[str, ...]) -> list[tuple[int, float]]:
    """Steps and values of the first of these names that was logged; empty where none was. Values may be NaN."""
    entries = [(step, entry) for step, entry in _iter_entries(output)]
    for name in names:
        found: dict[int, float] = {}
        for step, entry in entries:
            value = parse_number(entry.get(name))
            if value is not None:
                found[step] = value
        if found:
            return sorted(found.items())
    return []


def _iter_entries(output: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    yield from _iter_printed(output / LOG_FILE)
    for name in ("trainer_log.jsonl", "logging.jsonl"):
        yield from _iter_lines(output / name)
    newest = find_newest_checkpoint(output)
    for folder in filter(None, (newest, output)):
        yield from _iter_trainer_state(folder / "trainer_state.json")


def _iter_printed(log: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Dicts that transformers' Trainer prints. They carry no step: training ones are counted."""
    try:
        text = read_tail(log, MAX_LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    count = 0
    for printed in _PRINTED.findall(text):
        entry = {name: quoted or bare for name, quoted, bare in _PAIR.findall(printed)}
        count += "loss" in entry
        yield count, entry


def _iter_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        lines = read_tail(path, MAX_LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = parse_json(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and (step := read_step(entry)) is not None:
            yield step, entry


def _iter_trainer_state(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        history = read_json(path, "record")["log_history"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for entry in history if isinstance(history, list) else []:
        if isinstance(entry, dict) and (step := parse_step(entry.get("step"))) is not None:
            yield step, entry
