"""The released Qwen3 tokenizer, rebuilt byte for byte from its merges: no network, no framework."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.home_folder import get_home
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.chat_templates import TEMPLATES, read_template
from qwen_recipes.qwen.facts import TokenizerKind
from qwen_recipes.qwen.tokenizer_files import CorruptMergesError, build_tokenizer_config, build_tokenizer_json

TOKENIZER_JSON_SHA256 = "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"
"""SHA-256 of tokenizer.json in every Qwen3 release but the Base models, whose older file has the same ids."""

BASE_TOKENIZER_JSON_SHA256_ENDS = ("c0382117", "7539")
"""How that of the Base models' file begins and ends: the same merges and ids, without the last four added tokens."""

RESAVED_TOKENIZER_JSON_SHA256 = "be75606093db2094d7cd20f3c2f385c212750648bd6ea4fb2bf507a6a4c55506"
"""What transformers 5 makes of it when it saves a model; transformers 4.57 saves it byte for byte."""

TOKENIZER_CONFIG_SHA256 = {
    "hybrid": "d5d09f07b48c3086c508b30d1c9114bd1189145b74e982a265350c923acd8101",
    "base": "3c04ed3ca964ea2f6b2b5faf0dc4d31aec1cb1e8b4bcf63f402d295046b422b5",
    "instruct-2507": "a62ff0a2472a0fa1b8eaabcb57c59b58afa42a22831dc141400b6e0cf2b65ce3",
    "thinking-2507": "60adcfc35f5f251e19a196ec977b4ca0fcfb534852911b3196d68d5e3b146aa0",
}
"""SHA-256 of the released tokenizer_config.json, by variant."""


class CorruptTokenizerError(QwenRecipesError, RuntimeError):
    """The data of this installation does not give the released tokenizer: it was changed or cut off."""


def build_tokenizer(folder: Path, variant: str) -> None:
    """Write tokenizer.json (11 MB) and tokenizer_config.json of this variant, chat template inside, into `folder`.

    Both are checked before the first byte is written, and each appears whole or not at all. Takes about a second.

    Raises:
        KeyError: a variant that has no official template.
        CorruptTokenizerError: what was rebuilt is not what was released.
        OSError: the folder can't be written.
    """
    files = _build_files(variant)
    for name, content in files.items():
        replace_file(folder / name, content)


def get_tokenizer_folder(variant: str, cache: Path | None = None) -> Path:
    """A folder with the tokenizer of this variant, for `AutoTokenizer.from_pretrained`; built on first use.

    `cache` is by default the user's: `$XDG_CACHE_HOME` or `~/.cache`, in it `qwen-recipes/tokenizers`. What is found
    there is checked, and rebuilt if it is damaged. Several processes may ask at the same time.

    Raises: as `build_tokenizer`.
    """
    root = cache if cache is not None else _get_user_cache() / "qwen-recipes" / "tokenizers"
    target = root / f"{variant}-{TOKENIZER_CONFIG_SHA256[variant][:8]}"
    if not _is_intact(target, variant):
        make_folder(root)
        with tempfile.TemporaryDirectory(prefix=f".{variant}-", dir=root) as scratch:
            _install_tokenizer(Path(scratch) / "built", target, variant)
    return target


def classify_tokenizer(file: Path) -> TokenizerKind:
    """Whether a tokenizer.json is one that Qwen3 was released with, transformers' copy of it, or any other.

    Raises OSError.
    """
    return _classify_digest(_inspect_file(file, file.stat().st_mtime_ns)[0])


def classify_tokenizer_content(content: bytes) -> TokenizerKind:
    """As `classify_tokenizer`, of bytes that were read: the file may have another content by now."""
    return _classify_digest(hashlib.sha256(content).hexdigest())


def _classify_digest(digest: str) -> TokenizerKind:
    start, end = BASE_TOKENIZER_JSON_SHA256_ENDS
    if digest == TOKENIZER_JSON_SHA256 or (digest.startswith(start) and digest.endswith(end)):
        return "official"
    return "rewritten" if digest == RESAVED_TOKENIZER_JSON_SHA256 else "own"


def is_whole_object(file: Path) -> bool:
    """Whether a file begins and ends as a JSON object does; what is between is not read. Raises OSError."""
    return _inspect_file(file, file.stat().st_mtime_ns)[1]


@lru_cache(maxsize=8)
def _inspect_file(file: Path, modified_ns: int) -> tuple[str, bool]:
    """SHA-256, and whether there are an object's braces; remembered until the file changes, as editors ask often."""
    content = read_bytes(file, "tokenizer")
    return hashlib.sha256(content).hexdigest(), content[:64].lstrip()[:1] + content[-64:].rstrip()[-1:] == b"{}"


def _install_tokenizer(build_folder: Path, target: Path, variant: str) -> None:
    """Build beside `target` and move into place; another process may get there first."""
    build_tokenizer(build_folder, variant)
    if target.exists() and not _is_intact(target, variant):
        shutil.rmtree(target, ignore_errors=True)
    try:
        build_folder.rename(target)
    except OSError:
        if not _is_intact(target, variant):
            raise


def _build_files(variant: str) -> dict[str, bytes]:
    expected = _get_expected_hashes(variant)
    try:
        files = {
            "tokenizer.json": build_tokenizer_json(),
            "tokenizer_config.json": build_tokenizer_config(variant, read_template(variant)),
        }
    except CorruptMergesError as problem:
        raise CorruptTokenizerError(str(problem)) from problem
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != expected[name]:
            raise CorruptTokenizerError(
                f"the rebuilt {name} ({variant}) differs from the released one; reinstall qwen-recipes"
            )
    return files


def _get_expected_hashes(variant: str) -> dict[str, str]:
    if variant not in TEMPLATES:
        raise KeyError(f"there is no official tokenizer for the variant {variant}")
    return {"tokenizer.json": TOKENIZER_JSON_SHA256, "tokenizer_config.json": TOKENIZER_CONFIG_SHA256[variant]}


def _is_intact(folder: Path, variant: str) -> bool:
    try:
        return all(
            hashlib.sha256(read_bytes(folder / name, "tokenizer")).hexdigest() == digest
            for name, digest in _get_expected_hashes(variant).items()
        )
    except OSError:
        return False


def _get_user_cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else get_home() / ".cache"
