"""Write the locked requirements of a backend, or of mergekit, from the `.in` file beside them.

    python -m tools.lock_environment axolotl cpu-py311     # installs into a new environment and freezes it
    python -m tools.lock_environment axolotl cuda-py312    # resolves with uv; nothing is installed

`--environment FOLDER` freezes an environment that is there already instead of building one (cpu only).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from qwen_recipes.environments.interpreter import find_interpreter
from qwen_recipes.environments.lock_file import Requirements, normalize_name, read_requirements
from qwen_recipes.environments.program_environments import PROGRAM_LOCKS

BACKENDS = Path(__file__).resolve().parent.parent / "qwen_recipes" / "backends"
LOCK_FOLDERS = {folder.parent.name: folder for folder in sorted(BACKENDS.glob("*/requirements"))} | {
    folder.name: folder for folder in sorted(PROGRAM_LOCKS.iterdir())
}
"""Where the locks of a backend or program lie."""
HEADER = """\
# Written by tools/lock_environment.py from {source}; change that file, not this one.
# Every package is installed with --no-deps: torch, then the other lines, then what these marks name.
#   after torch: built from source in the environment itself (--no-build-isolation), with the variables that follow
#   any python: installed in spite of the Python that it declares (--ignore-requires-python)
#   empty module: imported by the framework and not needed; an empty file stands in for it
"""
UNLOCKED_PACKAGES = {"pip"}


def main() -> None:
    arguments = _parse_arguments()
    source = LOCK_FOLDERS[arguments.package] / f"{arguments.lock}.in"
    wanted = read_requirements(source)
    if arguments.lock.startswith("cuda"):
        pins = resolve_pins(source, wanted, arguments.lock)
    elif arguments.environment:
        pins = freeze_environment(arguments.environment)
    else:
        with tempfile.TemporaryDirectory() as folder:
            build_environment(wanted, Path(folder), get_python_version(arguments.lock))
            pins = freeze_environment(Path(folder))
    source.with_suffix(".lock").write_text(render_lock(source.name, wanted, pins), "utf-8")


def resolve_pins(source: Path, requirements: Requirements, lock: str) -> list[str]:
    """What uv takes for the lock's Python on 64-bit x86 Linux, on any machine."""
    lines = [*requirements.plain, *(package.pin for package in requirements.built)]
    command = ["uv", "pip", "compile", "-", "--quiet", "--no-annotate", "--no-header", "--no-emit-index-url"]
    command += ["--python-version", get_python_version(lock), "--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, cwd=source.parent)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.split("\n")


def build_environment(requirements: Requirements, folder: Path, python: str) -> None:
    """Install what the input asks for, with its dependencies, into a new environment."""
    subprocess.run([find_interpreter(python), "-m", "venv", folder], check=True)
    _pip_install(folder, ["setuptools", "wheel", requirements.torch or "torch"])
    _pip_install(folder, requirements.plain)
    _pip_install(folder, ["--no-deps", *requirements.no_dependencies])
    for package in requirements.built:
        _pip_install(folder, ["--no-deps", "--no-build-isolation", package.pin], package.variables)
    for pin in requirements.any_python:
        _pip_install(folder, ["--no-deps", "--ignore-requires-python", pin])


def freeze_environment(environment: Path) -> list[str]:
    """Every distribution in the environment, pinned."""
    command = [str(environment / "bin" / "python"), "-m", "pip", "freeze", "--all"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")


def render_lock(source: str, requirements: Requirements, pins: list[str]) -> str:
    """The lock's text: pins by name, without local versions such as `+cpu`, then the marked lines."""
    marked = {
        *(normalize_name(package.pin) for package in requirements.built),
        *map(normalize_name, requirements.any_python),
    }
    plain = sorted(
        {_plain_pin(pin) for pin in pins if "==" in pin and normalize_name(pin) not in marked | UNLOCKED_PACKAGES}
    )
    lines = [HEADER.format(source=source).rstrip(), *plain]
    for package in requirements.built:
        variables = [f"{name}={value}" for name, value in package.variables.items()]
        lines.append(f"# after torch: {' '.join([package.pin, *variables])}")
    lines += [f"# any python: {pin}" for pin in requirements.any_python]
    lines += [f"# empty module: {module}" for module in requirements.empty_modules]
    return "\n".join(lines) + "\n"


def _plain_pin(pin: str) -> str:
    return f"{normalize_name(pin)}=={pin.partition('==')[2].partition('+')[0].strip()}"


def _pip_install(folder: Path, arguments: list[str] | tuple[str, ...], variables: dict[str, str] | None = None) -> None:
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *arguments]
    if any(not argument.startswith("-") for argument in arguments):
        subprocess.run(command, check=True, env={**os.environ, **(variables or {})})


def get_python_version(lock: str) -> str:
    digits = lock.rpartition("-py")[2]
    return f"{digits[0]}.{digits[1:]}"


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=[*LOCK_FOLDERS])
    parser.add_argument("lock", choices=["cpu-py311", "cuda-py312"])
    parser.add_argument("--environment", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
