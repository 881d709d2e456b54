"""torchtune, of a git revision: no release of it has Qwen3, and it is no longer maintained."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.torchtune.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.torchtune.native_values import NATIVE_VALUES
from qwen_recipes.backends.torchtune.unsupported import REQUIRED_VALUES, RESUME_UNSUPPORTED, UNSUPPORTED_SETTINGS
from qwen_recipes.package_data import find_package_data

REVISION = "bd2a0fc7c"
"""Its last commit."""
VERSION = f"0.7.0+{REVISION}"
"""The version that this commit calls itself, which was never released."""
FOLDER = Path(__file__).parent


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, and the launch script."""
    return [
        OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True),
        OutputFile("run.sh", "run.sh.j2", "shell"),
    ]


BACKEND = Backend(
    name="torchtune",
    title="torchtune",
    version=VERSION,
    folder=FOLDER,
    distribution="torchtune",
    templates=find_package_data("templates") / "torchtune",
    schema_file=find_package_data("schemas") / "backends" / f"torchtune-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    list_output_files=list_output_files,
    list_plugin_files=lambda plan: (FOLDER / "labelled_rows.py",),
    choose_row_shape=lambda plan: "tokenized",
    required_values=REQUIRED_VALUES,
    resume_unsupported=RESUME_UNSUPPORTED,
    unsupported_settings=UNSUPPORTED_SETTINGS,
    unmaintained=f"is no longer maintained; this is for its git revision {REVISION}, since no release has Qwen3",
)
