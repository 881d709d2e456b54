"""Qwen3-Coder: the released models of Qwen3's classes, and their chat templates, which write tool calls as XML."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.registry import REGISTRY

FAMILY = "Qwen3-Coder"
TEMPLATE_SHA256 = {
    "coder": "5a38bfa05833266240066aedc497decc9b00cc0d3e3b8cceea98cf530196ab06",
    "coder-next": "c79a833039a43602150cce0902403d6e376c50930c1b2a139b2964e1f0c322a0",
}
"""Of the files in `templates/`: `coder` is of Coder-30B-A3B and Coder-480B-A35B, `coder-next` of Coder-Next."""


@lru_cache(maxsize=2)
def read_coder_template(name: str = "coder") -> str:
    """One of the released templates, unchanged. Raises OSError for another name."""
    return (Path(__file__).parent / "templates" / f"{name}.jinja").read_bytes().decode("utf-8")


@lru_cache(maxsize=16)
def is_coder_template(text: str) -> bool:
    """Whether this is one of the released templates, newlines at its end and Windows line ends aside."""
    bare = text.replace("\r\n", "\n").rstrip("\n")
    return any(read_coder_template(name).rstrip("\n") == bare for name in TEMPLATE_SHA256)


def find_coder_release(model: str) -> ModelFacts | None:
    """The facts of a released Qwen3-Coder, by its hub id in any case; no commit is known of them."""
    return _make_releases().get(model.lower())


@lru_cache(maxsize=1)
def _make_releases() -> dict[str, ModelFacts]:
    like = replace(
        REGISTRY["Qwen/Qwen3-30B-A3B-Instruct-2507"],
        id="Qwen/Qwen3-Coder-30B-A3B-Instruct",
        variant="unknown",
        revision=None,
        intermediate_size=5472,
        own_template=read_coder_template(),
        family=FAMILY,
    )
    large = replace(
        like,
        id="Qwen/Qwen3-Coder-480B-A35B-Instruct",
        layers=62,
        hidden_size=6144,
        heads=96,
        kv_heads=8,
        intermediate_size=8192,
        moe_intermediate_size=2560,
        experts=160,
    )
    return {facts.id.lower(): facts for facts in (like, large)}
