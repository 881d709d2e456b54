"""Which settings uv may read: the person's own, never those of the folder that `recipes` stands in."""

from __future__ import annotations

import os
from pathlib import Path

from qwen_recipes.filesystem.home_folder import get_home


def choose_uv_config() -> list[str]:
    """Options for uv: the person's own settings file where there is one, and no search in folders.

    uv would obey `uv.toml` and `[tool.uv]` of the working directory and of every folder above it.
    """
    if os.environ.get("UV_CONFIG_FILE"):
        return []  # named by the person, and then uv searches no folder
    home = os.environ.get("XDG_CONFIG_HOME") or get_home() / ".config"
    own = Path(home) / "uv" / "uv.toml"
    return ["--config-file", str(own)] if own.is_file() else ["--no-config"]
