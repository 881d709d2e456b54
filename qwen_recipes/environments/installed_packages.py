"""What an environment really holds, read from the records that installers leave."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwen_recipes.environments.lock_file import normalize_name
from qwen_recipes.filesystem.read_file import read_bytes

VERSION_LINE = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)
NAME_LINE = re.compile(r"^Name:\s*(\S+)", re.MULTILINE)


def read_installed_versions(site_packages: Path) -> dict[str, str]:
    """Version by normalized name of every distribution that has a record of its installation."""
    return dict(filter(None, map(_read_name_and_version, _list_dist_info(site_packages))))


def remove_unfinished_installs(site_packages: Path) -> list[str]:
    """Remove the records of distributions whose installation was cut off, so that it is done again.

    Gives the folders' names. What they left among the packages is overwritten by the new installation.
    """
    cut_off = [
        record
        for record in _list_dist_info(site_packages)
        if not (_has_installer_entry(record) and _has_all_files(record, True))
    ]
    leftovers = [*cut_off, *site_packages.glob("~*")]
    for path in leftovers:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in leftovers]


def find_lock_differences(site_packages: Path, pins: Mapping[str, str]) -> list[str]:
    """In what way the environment is not what its locks say; empty where it holds to them. `pins`: version by name."""
    present = read_installed_versions(site_packages)
    found = []
    for name, version in pins.items():
        if name not in present:
            found.append(f"{name} {version} is missing")
        elif present[name].partition("+")[0] != version.partition("+")[0]:
            found.append(f"{name} is {present[name]}, not {version}")
    damaged = [
        record.name
        for record in _list_dist_info(site_packages)
        if not (_has_installer_entry(record) and _has_all_files(record, False))
    ]
    return found + [f"{name} is only partly installed" for name in damaged]


def _list_dist_info(site_packages: Path) -> Iterator[Path]:
    return site_packages.glob("*.dist-info")


def _read_name_and_version(record: Path) -> tuple[str, str] | None:
    try:
        text = read_bytes(record / "METADATA", "config").decode("utf-8", "replace")
    except OSError:
        return None
    name, version = NAME_LINE.search(text), VERSION_LINE.search(text)
    return (normalize_name(name[1]), version[1]) if name and version else None


def _has_installer_entry(record: Path) -> bool:
    """Whether the installer wrote its own name into RECORD, which pip and uv do last."""
    try:
        return f"{record.name}/INSTALLER,".encode() in read_bytes(record / "RECORD", "config")
    except OSError:
        return False


def _has_all_files(record: Path, check_sizes: bool) -> bool:
    """Whether every file in RECORD is there, with its size in bytes where that is asked for.

    Bytecode comes and goes. Sizes are no proof of damage: two packages may bring a file of the same name.
    """
    lines = read_bytes(record / "RECORD", "config").decode("utf-8").splitlines(keepends=True)
    rows = [row for row in csv.reader(lines) if len(row) == 3 and not row[0].endswith(".pyc")]
    return all(_is_intact(record.parent / path, size if check_sizes else "") for path, _, size in rows)


def _is_intact(path: Path, size: str) -> bool:
    try:
        return path.stat().st_size == int(size or path.stat().st_size)
    except OSError:
        return False
