"""Hashes of the files that may be installed: NAME.hashes beside NAME.lock, a requirements file with hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_text

SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_OPTION = " --hash=sha256:"


class MissingHashError(QwenRecipesError):
    """A lock's pin has no hash, so that nothing can tell whether its file is the right one."""


class LockHashes:
    """Accepted SHA-256 by pin. `accepted` are further ones of torch. Without a file nothing is required."""

    def __init__(self, lock: Path, accepted: Iterable[str] = ()) -> None:
        self.file = lock.with_suffix(".hashes")
        self.required = self.file.is_file()
        lines = read_text(self.file, "lock").splitlines() if self.required else []
        self.by_pin = {line.partition(" ")[0]: line for line in lines if line and not line.startswith("#")}
        self.accepted = "".join(f"{_OPTION}{one}" for one in accepted)

    def list_torch_builds(self, pin: str) -> list[str]:
        """What may be installed for the pin of torch, the best first: the build for the CPU where it has hashes.

        pip would take a build whose link tells its hash before one that lies in a folder.
        """
        return [*(one for one in self.by_pin if one.startswith(f"{pin}+")), pin]

    def format_requirement(self, pin: str) -> str:
        """The pin as a line of a requirements file, with its hashes where they are required.

        Raises MissingHashError.
        """
        if not self.required:
            return pin
        if pin not in self.by_pin:
            raise MissingHashError(f"{self.file} has no hash of {pin}; write it again: python -m tools.lock_hashes")
        return self.by_pin[pin] + (self.accepted if pin.startswith("torch==") else "")
