"""The config of `unsloth train`, asked of the program itself: its command line is AGPL-3.0 and is never imported.

`--dry-run` prints every key with its default. Given a map where it takes none, it lists what each key takes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from .annotation_schemas import Schema, enum_schema
from .schema_document import frame_schema, print_schema

TYPES = {
    "a valid string": "string",
    "a valid integer": "integer",
    "a valid number": "number",
    "a valid boolean": "boolean",
    "a valid path": "string",
    "a valid list": "array",
}


def build_schema() -> Schema:
    """The schema; needs the `unsloth` command beside this interpreter."""
    defaults = yaml.safe_load(dry_run({}).stdout)
    refused = dry_run({key: ask_every_key(value) for key, value in defaults.items()}).stderr
    messages = dict(re.findall(r"^ *- ([\w.]+): (.*)$", refused, re.MULTILINE))
    properties = {key: build_property(key, value, messages) for key, value in defaults.items()}
    return frame_schema("unsloth", version("unsloth"), "unsloth.py", properties, required=["model", "data", "training"])


def dry_run(config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """What `unsloth train --dry-run` says of a config."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.yaml"
        file.write_text(yaml.safe_dump(config), "utf-8")
        command = [str(Path(sys.executable).with_name("unsloth")), "train", "--dry-run", "--config", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def ask_every_key(default: Any) -> Any:
    """A value that no key takes, at each key of a section."""
    return {key: {} for key in default} if isinstance(default, dict) else {}


def build_property(path: str, default: Any, messages: dict[str, str]) -> Schema:
    """The schema of a key, or of a section with its keys."""
    if isinstance(default, dict):
        keys = {key: build_property(f"{path}.{key}", value, messages) for key, value in default.items()}
        return {"type": "object", "additionalProperties": False, "properties": keys}
    if choices := re.findall(r"'([^']*)'", messages[path].partition("Input should be")[2]):
        return {**enum_schema(choices), "default": default}
    kind = next(name for message, name in TYPES.items() if message in messages[path])
    return {"type": kind if default is not None else [kind, "null"], "default": default}


if __name__ == "__main__":
    print_schema(build_schema)
