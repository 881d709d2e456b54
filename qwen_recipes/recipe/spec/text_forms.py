"""Patterns that texts of a recipe must match, and how an error message describes them."""

from __future__ import annotations

RECIPE_NAME = r"^[0-9A-Za-zª-𲎯][0-9A-Za-z._ª-𲎯-]*$"
PART_NAME = r"^[0-9A-Za-z][0-9A-Za-z._-]*$"
"""Of a stage or a trial."""
GUARD_CODE = r"^QR[0-9]{3}$"
REPOSITORY = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"
PYTHON_FILE = r"^.+[.]py$"
PYTHON_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
SERVER = r"^[A-Za-z0-9._-]+:[0-9]+$"

_NAME = "letters, digits, `.`, `_` and `-`, starting with a letter or a digit"
DESCRIPTIONS = {
    RECIPE_NAME: _NAME,
    PART_NAME: _NAME,
    GUARD_CODE: "`QR` and three digits",
    REPOSITORY: "ORGANISATION/NAME",
    PYTHON_FILE: "the name of a .py file",
    PYTHON_NAME: "a name of Python: letters, digits and `_`, not starting with a digit",
    SERVER: "HOST:PORT",
}
