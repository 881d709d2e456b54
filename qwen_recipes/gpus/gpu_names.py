"""One spelling for the many that a GPU's name has."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAKERS_WORDS = frozenset(
    [
        *("nvidia", "geforce", "amd", "instinct", "tesla", "quadro", "gpu", "graphics", "card"),
        *("generation", "edition", "design", "workstation", "with", "hbm2", "hbm2e", "hbm3", "hbm3e"),
    ]
)

_FORMS = frozenset(["sxm", "sxm2", "sxm3", "sxm4", "sxm5", "sxm6", "pcie", "oam", "ac"])
_SAME_WORDS = {"mobile": "laptop", "notebook": "laptop", "pci": "pcie"}
_MIG = re.compile(r"[\s-]*(?:\bmig[\s-]*)(?:\dc\.)?(\d+g\.\d+gb)(?:\+\S*)?(?:-shared)?", re.I)
_MEMORY_ALONE = re.compile(r"\s*(\d{1,9})\s?(mib|mb|gib|gb|g)\s*", re.I)
_NO_MEMORY = re.compile(r"\s*(-?\d{1,9}(?:\.\d{1,9})?\s?(?:mib|mb|gib|gb|g)|-?\d{1,3}(?:\.\d{1,9})?)\s*", re.I)
"""A number that is no memory: below 1, broken, or without a unit (one of four digits is a model's: 4090)."""
_MIB_PER_GIB = 1024
_SEVERAL = re.compile(
    r"(?P<before>\d{1,3})\s?[x×*]\s?(?P<name>\S.*)|(?P<named>.*\S)\s?[x×*]\s?(?P<behind>\d{1,3})", re.I
)
_MEMORY = re.compile(r"(?<![a-z0-9.])(\d+)\s?(?:gb|gib|g)\b")


@dataclass(frozen=True)
class GpuName:
    """A name without the maker's words: `key` without the memory, `whole` with it. `memory` in GB as the name has it,
    `mig` the profile of a slice (`3g.40gb`), or ''.
    """

    key: str
    key_without_form: str
    whole: str
    memory: int | None
    mig: str


def parse_gpu_name(text: str) -> GpuName:
    """`NVIDIA A100-SXM4-40GB MIG 3g.20gb`: key `a100sxm4`, memory 40, slice `3g.20gb`."""
    mig = _MIG.search(text)
    plain = _MIG.sub(" ", text).lower().replace("_", "-")
    memory = _MEMORY.search(plain)
    return GpuName(
        key=_join(_MEMORY.sub(" ", plain)),
        key_without_form=_join(_MEMORY.sub(" ", plain), _FORMS),
        whole=_join(plain),
        memory=int(memory[1]) if memory else None,
        mig=mig[1].lower() if mig else "",
    )


def parse_memory(text: str) -> int | None:
    """GiB of a text that is a size and nothing else: `48GiB`, or MiB as drivers print them; None for other texts."""
    found = _MEMORY_ALONE.fullmatch(text)
    if found is None:
        return None
    size = int(found[1])
    return round(size / _MIB_PER_GIB) if found[2].lower().startswith("m") else size


def is_wrong_memory(text: str) -> bool:
    """Whether a text is a number that was meant as a memory, and `parse_memory` finds none above 0 in it."""
    return not parse_memory(text) and _NO_MEMORY.fullmatch(text) is not None


def split_several(text: str) -> tuple[str, int] | None:
    """Name and number of `8xH100` or `h100 x 8`; None for the name of one GPU."""
    found = _SEVERAL.fullmatch(text.strip())
    if found is None:
        return None
    return (found["name"] or found["named"]).strip(), int(found["before"] or found["behind"])


def _join(text: str, left_out: frozenset[str] = frozenset()) -> str:
    words = [_SAME_WORDS.get(word, word) for word in re.findall(r"[a-z0-9]+", text)]
    needless = _MAKERS_WORDS | left_out | ({"blackwell"} if "pro" in words else set())
    return "".join(word for word in words if word not in needless)
