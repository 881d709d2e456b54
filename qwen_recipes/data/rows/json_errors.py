"""What is wrong with a text that is no JSON, in plain words and with the place."""

from __future__ import annotations

import json
import re

_PYTHON = {"None": "null", "True": "true", "False": "false"}
_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019"
_WORD = re.compile(r"[A-Za-z]+")
SHOWN = 20
"""Characters of a text that a message shows."""


def explain_json_error(error: json.JSONDecodeError, where: str = "") -> str:
    """Why a text is not JSON; `where` is the place if it is not the column of a line."""
    return f"not JSON: {_describe(error.msg, error.doc, error.pos)} ({where or f'column {error.colno}'})"


def _describe(message: str, text: str, offset: int) -> str:
    if offset >= len(text.rstrip()):
        within_text = message.startswith("Invalid control character")
        return "a text without a closing quotation mark on its line" if within_text else "it is cut off"
    shown = text[offset : offset + SHOWN].split("\n")[0].strip() or "a line break"
    if text[offset] == "'" or text[offset] in _QUOTES:
        return f'{text[offset]} is no quotation mark of JSON: write "'
    if text.startswith(("#", "//", "/*"), offset):
        return "a comment, which JSON does not have"
    if message.startswith("Expecting value"):
        return _describe_value(text, offset, shown)
    if "trailing comma" in message or (text[offset] in "}]" and _follows_comma(text, offset)):
        return "a comma too many before the end of a list or map"
    if message.startswith("Expecting property name"):
        return f'expected a key in quotation marks ("), found `{shown}`'
    if message.startswith("Expecting ':'"):
        return f"expected a colon after the key, found `{shown}`"
    if message.startswith("Expecting ','"):
        return f"expected a comma or the end of the list or map, found `{shown}`"
    if message.startswith("Unterminated string"):
        return "a text without a closing quotation mark"
    if message.startswith("Invalid control character"):
        return f"a line break, tab or control character within a text: write {_escape(text[offset])}"
    if message.startswith("Invalid \\"):
        return f"a backslash that JSON does not know, `{shown[:6]}`: write \\\\ for a backslash"
    return message[:1].lower() + message[1:]


def _describe_value(text: str, offset: int, shown: str) -> str:
    word = _WORD.match(text, offset)
    if word and word[0] in _PYTHON:
        return f"`{word[0]}` is Python, not JSON: write {_PYTHON[word[0]]}"
    if text[offset] in "]}":
        ends = "a comma too many before the end of a list or map" if _follows_comma(text, offset) else ""
        return ends or "a value is missing"
    return f"expected a value, found `{shown}`"


def _follows_comma(text: str, offset: int) -> bool:
    return text[:offset].rstrip().endswith(",")


def _escape(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character, f"\\u{ord(character):04x}")
