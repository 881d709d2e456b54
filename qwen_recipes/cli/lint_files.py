"""What `recipes lint PATH...` looks at: files, the recipes below folders, and what globs match."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_head
from qwen_recipes.recipe.file_names import RECIPE_SUFFIXES

NATIVE_SUFFIXES = (".yaml", ".yml", ".sh")
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "site-packages", "venv"}
_ANY_FOLDERS = re.compile(r"(?:^|(?<=/))\*\*(?:/|$)")
_MANY_FOLDERS = re.compile(r"(?:(?:^|(?<=/))\*\*/)+")
_HEAD_BYTES = 1_000_000
_TOP_LEVEL_KEYS = {
    key: re.compile(rf"^\ufeff?{key}[ \t]*:(?:\s|$)", re.M) for key in ("version", "model", "data", "extends", "stages")
}


class PathNotFoundError(QwenRecipesError):
    """A path names no file, a glob matches none, or folders lie too deep within each other."""


def find_lint_files(paths: Iterable[str], framework: str | None = None) -> list[str]:
    """Every file to look at, each once, in the order asked for. Raises PathNotFoundError.

    A folder is searched for recipes; with `framework`, for that framework's own configs and scripts.
    """
    found: dict[str, None] = {}
    for path in paths:
        try:
            found.update(dict.fromkeys(_expand_path(path, framework)))
        except RecursionError:
            raise PathNotFoundError(
                f"{path}: folders lie too deep within each other; name one that lies deeper"
            ) from None
    return list(found)


def _expand_path(path: str, framework: str | None) -> Iterator[str]:
    if path == "-" or Path(path).is_file():
        yield path
    elif Path(path).is_dir():
        yield from _search_folder(path, framework)
    elif any(mark in path for mark in "*?["):
        yield from _expand_glob(path, framework)
    elif Path(path).exists():
        yield path
    else:
        raise PathNotFoundError(f"{path} does not exist")


def _expand_glob(pattern: str, framework: str | None) -> Iterator[str]:
    paths = sorted(_match_glob(_MANY_FOLDERS.sub("**/", pattern)))
    found = [match for path in paths for match in _expand_match(path, framework)]
    if not found:
        raise PathNotFoundError(f"no file matches {pattern}")
    yield from found


def _match_glob(pattern: str) -> Iterator[str]:
    """What a glob matches. Unlike in `glob.glob`, `**` goes through no link: one to `/` would take hours."""
    import glob

    parts = _ANY_FOLDERS.split(pattern, maxsplit=1)
    if len(parts) == 1:
        yield from glob.glob(pattern)  # noqa: PTH207 - Path.glob takes no absolute pattern
        return
    before, after = parts
    for top in glob.glob(before) if before else [""]:  # noqa: PTH207
        for root in _walk_folders(top):
            yield from _match_glob(f"{glob.escape(root)}{after or '*'}")


def _walk_folders(top: str) -> Iterator[str]:
    """A folder and those below it, hidden ones and links left out, each as a prefix of a path."""
    for root, folders, _ in os.walk(top or "."):
        folders[:] = [name for name in folders if not name.startswith(".")]
        folder = root if top else root.removeprefix(".").removeprefix("/")
        yield folder if not folder or folder.endswith("/") else f"{folder}/"


def _expand_match(path: str, framework: str | None) -> Iterator[str]:
    """A file, or what a folder holds; a link to a folder is passed over."""
    if not Path(path).is_dir():
        return iter([path])
    return iter(()) if Path(path).is_symlink() else _search_folder(path, framework)


def _search_folder(folder: str, framework: str | None) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118 - keeps the folder as it was written
            if is_native_config(path, framework) if framework else is_recipe_file(path):
                yield path


def is_recipe_file(path: str) -> bool:
    """Whether a file is a recipe: by its name, or a YAML file that begins as one does."""
    return path.endswith(RECIPE_SUFFIXES) or (path.endswith((".yaml", ".yml")) and looks_like_recipe(_read_head(path)))


def is_native_config(path: str, framework: str) -> bool:
    """Whether a YAML file or a script is one of this framework's, by what it says."""
    from qwen_recipes.backends.read_native_configs import detect_framework

    return (
        path.endswith(NATIVE_SUFFIXES)
        and detect_framework(_read_head(path).decode("utf-8-sig", "replace")) == framework
    )


def _read_head(path: str) -> bytes:
    try:
        return read_head(Path(path), _HEAD_BYTES)
    except OSError:
        return b""


def looks_like_recipe(content: bytes | str) -> bool:
    """Whether the text has what a recipe has at its top level: `version`, `model` and `data`, or `extends`.

    A pipeline has `version` and `stages`; its stages may have the rest.

    A base that others extend, without a model or without data, is not judged by itself.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig", errors="replace")
    says = {key for key, pattern in _TOP_LEVEL_KEYS.items() if pattern.search(text)}
    return {"version", "model", "data"} <= says or "extends" in says or {"version", "stages"} <= says
