"""What a row is, and what is wrong with one."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
"""In our form: `role` and `content`, and `train: False` where a flag takes it out of the loss."""
Row = dict[str, Any]


class BadRowError(ValueError):
    """A row that can't be trained on, and why."""
