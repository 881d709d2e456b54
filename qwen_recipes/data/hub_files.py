"""Which files of a data set's repository are a split of it, by the rules that `datasets` has for repositories of files.

The README's front matter may say it (`configs:` with `data_files` or `data_dir`); else names of files and folders do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import yaml

from qwen_recipes.data.rows.find_files import ROW_FILE_SUFFIXES, SIDE_FILES, get_row_suffix
from qwen_recipes.errors import QwenRecipesError

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Words in a file's or folder's name that say which split it is."""
_SHARD = re.compile(r"(?:.*/)?(?P<split>[\w.]+?)-\d{5}-of-\d{5}(?:-\w+)?\.\w+(?:\.\w+)?", re.ASCII)
_PATTERNS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_SEPARATORS = re.compile(r"[-._ 0-9/]+")
MAX_README_BYTES = 1 << 20


class UnknownSplitError(QwenRecipesError):
    """A data set without this subset or split."""


def choose_split_files(names: Iterable[str], readme: str, subset: str | None, split: str) -> list[str]:
    """The repository's files of rows that are this split, in order.

    Raises UnknownSplitError, which names the subsets or splits there are.
    """
    rows = sorted(name for name in names if _holds_rows(name))
    configs = _read_configs(readme)
    if configs:
        return _choose_by_config(rows, configs, subset, split)
    if subset not in (None, "default"):
        rows, others = _choose_folder(rows, str(subset)), rows
        if not rows:
            raise UnknownSplitError(f"no subset {subset}; " + _list_known("folders", _list_folders(others)))
    splits = _group_by_name(rows)
    return _choose_split(splits, split)


def _holds_rows(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__")) for part in path.parts)
    return get_row_suffix(path.name) in ROW_FILE_SUFFIXES and path.name not in SIDE_FILES and not hidden


def _read_configs(readme: str) -> list[dict[str, object]]:
    """The subsets that the README's front matter describes; empty where it says nothing."""
    found = re.match(r"---\s*\n(.*?)\n---\s*(?:\n|\Z)", readme[:MAX_README_BYTES], re.DOTALL)
    try:
        metadata = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    listed = metadata.get("configs") if isinstance(metadata, dict) else None
    configs = [one for one in listed or [] if isinstance(one, dict) and one.get("config_name")]
    return [one for one in configs if "data_files" in one or "data_dir" in one]


def _choose_by_config(rows: list[str], configs: list[dict[str, object]], subset: str | None, split: str) -> list[str]:
    names = [str(one["config_name"]) for one in configs]
    default = next((str(one["config_name"]) for one in configs if one.get("default")), None)
    wanted = subset or default or ("default" if "default" in names else names[0] if len(names) == 1 else None)
    if wanted not in names:
        problem = f"no subset {wanted}" if wanted else "several subsets, and `subset` names none"
        raise UnknownSplitError(f"{problem}; {_list_known('subsets', names)}")
    config = configs[names.index(wanted)]
    folder = str(config.get("data_dir") or "").strip("./")
    inside = _choose_folder(rows, folder) if folder else rows
    if "data_files" not in config:
        return _choose_split(_group_by_name(inside), split)
    return _choose_split(_group_by_pattern(inside, config["data_files"], folder), split)


def _group_by_pattern(rows: list[str], data_files: object, folder: str) -> dict[str, list[str]]:
    """Files by split as `data_files` has them: patterns, or a list of `split` and `path`."""
    entries = data_files if isinstance(data_files, list) else [data_files]
    splits: dict[str, list[str]] = {}
    for entry in entries:
        one = entry if isinstance(entry, dict) else {"split": "train", "path": entry}
        patterns = one.get("path")
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            wanted = f"{folder}/{pattern}" if folder else str(pattern).removeprefix("./")
            found = [name for name in rows if _matches(name, wanted)]
            splits.setdefault(str(one.get("split", "train")), []).extend(found)
    return splits


def _matches(name: str, pattern: str) -> bool:
    """As a shell's pattern, in which `*` stays within a folder and `**` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern)
    pieces = (
        _PATTERNS.get(part, part if part.startswith("[") and len(part) > 1 else re.escape(part)) for part in parts
    )
    try:
        return re.fullmatch("".join(pieces), name) is not None
    except re.error:
        return False


def _choose_folder(rows: list[str], folder: str) -> list[str]:
    return [name for name in rows if name.startswith(f"{folder}/") or f"/{folder}/" in name]


def _list_folders(rows: Sequence[str]) -> list[str]:
    return sorted({name.split("/")[0] for name in rows if "/" in name})


def _group_by_name(rows: list[str]) -> dict[str, list[str]]:
    """Files by split as their names say; all are `train` where none says anything."""
    shards = {name: found["split"] for name in rows if (found := _SHARD.fullmatch(name))}
    if shards:
        return _collect((split, name) for name, split in shards.items())
    by_folder = _collect((split, name) for name in rows if (split := _find_split(name.rpartition("/")[0])))
    by_file = _collect((split, name) for name in rows if (split := _find_split(PurePosixPath(name).name)))
    return by_folder or by_file or ({"train": rows} if rows else {})


def _find_split(text: str) -> str | None:
    words = set(_SEPARATORS.split(text.lower()))
    return next((split for split, known in SPLIT_WORDS.items() if words & set(known)), None)


def _collect(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for split, name in pairs:
        found.setdefault(split, []).append(name)
    return found


def _choose_split(splits: dict[str, list[str]], split: str) -> list[str]:
    if not any(splits.values()):
        raise UnknownSplitError("no files of rows")
    if not splits.get(split):
        raise UnknownSplitError(f"no split {split}; {_list_known('splits', list(splits))}")
    return list(dict.fromkeys(splits[split]))


def _list_known(kind: str, names: Sequence[str]) -> str:
    return f"{kind}: {', '.join(names[:20])}" if names else f"it has no {kind}"
