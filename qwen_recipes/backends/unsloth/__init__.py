"""Unsloth: one small YAML, read by `unsloth train`.

Its command line is under AGPL-3.0: it is started as a program of its own, and never imported.
"""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.unsloth.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.unsloth.native_values import NATIVE_VALUES
from qwen_recipes.backends.unsloth.unsupported import REQUIRED_VALUES, RESUME_UNSUPPORTED, UNSUPPORTED_SETTINGS
from qwen_recipes.package_data import find_package_data

VERSION = "2026.10.9"


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, and the launch script."""
    return [
        OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True),
        OutputFile("run.sh", "run.sh.j2", "shell"),
    ]


BACKEND = Backend(
    name="unsloth",
    title="Unsloth",
    version=VERSION,
    folder=Path(__file__).parent,
    distribution="unsloth",
    templates=find_package_data("templates") / "unsloth",
    schema_file=find_package_data("schemas") / "backends" / f"unsloth-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    list_output_files=list_output_files,
    choose_row_shape=lambda plan: "tokenized",
    required_values=REQUIRED_VALUES,
    resume_unsupported=RESUME_UNSUPPORTED,
    unsupported_settings=UNSUPPORTED_SETTINGS,
)
