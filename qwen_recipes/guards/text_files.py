"""Plain text as data of an objective that trains on conversations, pairs or prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.data.rows.file_forms import COMPRESSIONS
from qwen_recipes.data.rows.find_files import MissingSourceError, find_row_files
from qwen_recipes.data.rows.open_file import BrokenStreamError, find_form
from qwen_recipes.data.rows.row import MissingReaderError
from qwen_recipes.finding import Finding
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding

_NAMES = (".txt", *(f".txt{packed}" for packed in COMPRESSIONS))
_WHY = "each line would be an example without an answer, and all are left out before training"
_SUGGESTION = "set `objective: pretrain` to train on text, or give rows of conversations, as JSON lines"


def find_text_files(loaded: LoadedRecipe) -> Iterator[Finding]:
    """A warning for each source that is a .txt file of plain text. Reads the first bytes of such files."""
    objective = (loaded.recipe.objective.type if loaded.recipe.objective else None) or "sft"
    data = loaded.recipe.data
    validation = data.validation if isinstance(data.validation, list) else []
    for split, sources in (("train", data.train), ("validation", validation)):
        for index, source in enumerate(sources):
            path = source.path or ""
            if objective != "pretrain" and path.lower().endswith(_NAMES) and _is_plain_text(loaded.folder, path):
                message = f"{path} is plain text, which `{objective}` cannot train on"
                route = ("data", split, index, "path")
                finding = Finding("data", "warning", message, route, why=_WHY, suggestion=_SUGGESTION)
                yield locate_finding(loaded.document, finding)


def _is_plain_text(folder: Path, path: str) -> bool:
    try:
        files = find_row_files(folder, path)
        return bool(files) and find_form(files[0]).kind == "text"
    except (OSError, MissingSourceError, MissingReaderError, BrokenStreamError):
        return False
