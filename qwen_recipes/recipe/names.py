"""Names of runs: letters of any script, digits, `.`, `-` and `_`. They become names of folders."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_BYTES = 200
"""Bytes of UTF-8: file systems take 255 for the name of a file, and ours are longer than the run's."""
_SUFFIX = re.compile(r"([.]recipe)?[.]ya?ml$")


def make_name(file_name: str) -> str:
    """The name that a recipe's file gives it: what a name can't hold is a dash. May be empty or too long."""
    stem = unicodedata.normalize("NFC", _SUFFIX.sub("", file_name))
    return re.sub("-+", "-", "".join(char if _may_stand_in_name(char) else "-" for char in stem)).strip(".-_")


def explain_unusable_name(name: str) -> str | None:
    """Why a run can't be called so; None where it can."""
    if not name:
        return "the file name has no letter or digit to name the run after; set `name`"
    if odd := [char for char in name if not _may_stand_in_name(char)]:
        return f"names consist of letters, digits, `.`, `-` and `_`, not {odd[0]!r}"
    if (length := len(name.encode())) > MAX_NAME_BYTES:
        return f"the name is {length} bytes long; the maximum is {MAX_NAME_BYTES}"
    return None


def suggest_name(name: str) -> str:
    """A name that can be used, as near to `name` as there is."""
    made = make_name(name)
    return made if made and explain_unusable_name(made) is None else "support-bot"


def _may_stand_in_name(char: str) -> bool:
    return char in "._-" or unicodedata.category(char)[0] in "LMN"
