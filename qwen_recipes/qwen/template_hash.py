"""A chat template's text by its hash."""

from __future__ import annotations

import hashlib


def hash_template(text: str) -> str:
    """SHA-256 of a template's text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
