"""A backend without a framework, its environment, and wheels to install there."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.environments.environment import Environment, get_managed_environment

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def a_backend(folder: Path, lock: str = "", distribution: str = "click") -> Backend:
    locks = folder / "package" / "requirements"
    locks.mkdir(parents=True, exist_ok=True)
    for device in ("cpu", "cuda"):
        (locks / f"{device}-py{HERE.replace('.', '')}.lock").write_text(lock)
    return Backend(
        name="toy", title="Toy", version="1.2", folder=folder / "package", distribution=distribution,
        templates=folder, schema_file=folder, native_values={}, list_output_files=lambda plan: [],
        python={"cpu": HERE, "cuda": HERE},
    )  # fmt: skip


def an_environment(folder: Path, lock: str = "") -> Environment:
    return get_managed_environment(a_backend(folder, lock), "cpu", folder / "envs")


def a_wheel(folder: Path, name: str, version: str = "1.0", body: str = "") -> None:
    import zipfile

    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": body,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
