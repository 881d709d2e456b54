"""Write a backend's locked requirements from the `.in` file beside them.

    python scripts/lock_environment.py axolotl cpu-py311     # installs into a new environment and freezes it
    python scripts/lock_environment.py axolotl cuda-py312    # resolves with uv; nothing is installed

`--environment FOLDER` freezes an environment that is there already instead of building one (cpu only).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from qwen_recipes.launch.interpreter import find
from qwen_recipes.launch.requirements import Requirements, name_of, read

BACKENDS = Path(__file__).resolve().parent.parent / "qwen_recipes" / "backends"
HEADER = """\
# Written by scripts/lock_environment.py from {source}; change that file, not this one.
# Every package is installed with --no-deps: torch, then the other lines, then what these marks name.
#   after torch: built from source in the environment itself (--no-build-isolation), with the variables that follow
#   any python: installed in spite of the Python that it declares (--ignore-requires-python)
#   empty module: imported by the framework and not needed; an empty file stands in for it
"""
NOT_LOCKED = {"pip"}


def main() -> None:
    arguments = _arguments()
    source = BACKENDS / arguments.package / "requirements" / f"{arguments.lock}.in"
    wanted = read(source)
    if arguments.lock.startswith("cuda"):
        pins = resolve(source, wanted, arguments.lock)
    elif arguments.environment:
        pins = freeze(arguments.environment)
    else:
        with tempfile.TemporaryDirectory() as folder:
            build(wanted, Path(folder), _python(arguments.lock))
            pins = freeze(Path(folder))
    source.with_suffix(".lock").write_text(render(source.name, wanted, pins), "utf-8")


def resolve(source: Path, wanted: Requirements, lock: str) -> list[str]:
    """What uv takes for the lock's Python on 64-bit x86 Linux, on any machine."""
    lines = [*wanted.plain, *(package.pin for package in wanted.built)]
    command = ["uv", "pip", "compile", "-", "--quiet", "--no-annotate", "--no-header", "--no-emit-index-url"]
    command += ["--python-version", _python(lock), "--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, cwd=source.parent)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.split("\n")


def build(wanted: Requirements, folder: Path, python: str) -> None:
    """Install what the input asks for, with its dependencies, into a new environment."""
    subprocess.run([find(python), "-m", "venv", folder], check=True)
    _pip(folder, ["setuptools", "wheel", wanted.torch or "torch"])
    _pip(folder, wanted.plain)
    _pip(folder, ["--no-deps", *wanted.no_dependencies])
    for package in wanted.built:
        _pip(folder, ["--no-deps", "--no-build-isolation", package.pin], package.variables)
    for pin in wanted.any_python:
        _pip(folder, ["--no-deps", "--ignore-requires-python", pin])


def freeze(environment: Path) -> list[str]:
    """Every distribution in the environment, pinned."""
    command = [str(environment / "bin" / "python"), "-m", "pip", "freeze", "--all"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")


def render(source: str, wanted: Requirements, pins: list[str]) -> str:
    """The lock's text: pins by name, without local versions such as `+cpu`, then the marked lines."""
    marked = {*(name_of(package.pin) for package in wanted.built), *map(name_of, wanted.any_python)}
    plain = sorted({_plain(pin) for pin in pins if "==" in pin and name_of(pin) not in marked | NOT_LOCKED})
    lines = [HEADER.format(source=source).rstrip(), *plain]
    for package in wanted.built:
        variables = [f"{name}={value}" for name, value in package.variables.items()]
        lines.append(f"# after torch: {' '.join([package.pin, *variables])}")
    lines += [f"# any python: {pin}" for pin in wanted.any_python]
    lines += [f"# empty module: {module}" for module in wanted.empty_modules]
    return "\n".join(lines) + "\n"


def _plain(pin: str) -> str:
    return f"{name_of(pin)}=={pin.partition('==')[2].partition('+')[0].strip()}"


def _pip(folder: Path, arguments: list[str] | tuple[str, ...], variables: dict[str, str] | None = None) -> None:
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *arguments]
    if any(not argument.startswith("-") for argument in arguments):
        subprocess.run(command, check=True, env={**os.environ, **(variables or {})})


def _python(lock: str) -> str:
    digits = lock.rpartition("-py")[2]
    return f"{digits[0]}.{digits[1:]}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=["axolotl", "llamafactory", "ms_swift"])
    parser.add_argument("lock", choices=["cpu-py311", "cuda-py312"])
    parser.add_argument("--environment", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
