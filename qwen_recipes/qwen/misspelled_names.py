"""Names of models that are neither a hub id nor a folder: an address, `ID@REVISION`, an Ollama tag, a file."""

from __future__ import annotations

import re
from pathlib import Path

from qwen_recipes.filesystem.home_folder import expand_home

_ADDRESS = re.compile(
    r"(?:(?:https?://|hf://)(?P<host>[\w-]+(?:\.[\w-]+)+/)?|(?P<bare>(?:www\.)?(?:huggingface\.co|hf\.co|modelscope\.cn)/))"
    r"(?:models/)?(?P<id>[\w.-]+/[\w.-]+)(?:/(?:tree|blob|resolve)/(?P<revision>[\w.-]+))?(?:[/:?#].*)?",
    re.ASCII,
)
_AT_REVISION = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)", re.ASCII)
_TAG = re.compile(r"(?:[\w.-]+/)?(?P<name>[\w.-]{2,}):(?P<tag>[\w.-]+)", re.ASCII)


def explain_misspelled_name(name: str, base: Path) -> tuple[str, str] | None:
    """What a name is that no framework can load, and the `model` to write instead; None for other names.

    An Ollama tag becomes a name such as `qwen3-8b`, which is no hub id yet.
    """
    if found := _ADDRESS.fullmatch(name):
        source = "modelscope" if "modelscope" in (found["host"] or found["bare"] or "") else None
        return "is an address, not a hub id", _write_model(found["id"], found["revision"], source)
    if found := _AT_REVISION.fullmatch(name):
        return "holds a revision beside the hub id", _write_model(found["id"], found["revision"], None)
    if found := _TAG.fullmatch(name):
        whole = found["name"] if found["tag"] == "latest" else f"{found['name']}-{found['tag']}"
        return "is a tag as Ollama names models, not a hub id", whole
    return _explain_file(name, base)


def _write_model(repo: str, revision: str | None, source: str | None) -> str:
    more = [f"revision: {revision}" if revision and revision != "main" else "", f"source: {source}" if source else ""]
    return f"{{{', '.join([f'id: {repo}', *filter(None, more)])}}}" if any(more) else repo


def _explain_file(name: str, base: Path) -> tuple[str, str] | None:
    try:
        if not name or not (base / expand_home(name)).is_file():
            return None
    except (OSError, RuntimeError, ValueError):  # a name too long for a file, the home of nobody, a NUL
        return None
    if name.endswith(".gguf"):
        return "is a GGUF file, which cannot be trained", "the repository or folder that it was converted from"
    return "is a file, not a folder", str(Path(name).parent)
