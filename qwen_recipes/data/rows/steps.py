"""Optimizer steps of a run that is counted in epochs, from its rows: the frameworks would end at different ones.

They are written into the copy of train.yaml that lies beside the rows, which is the one that the framework reads.
"""

import math
import re
from pathlib import Path

from .replace_file import replace_file
from .row import StepsSpec

CONFIG = "train.yaml"


def count_steps(spec: StepsSpec, examples: int) -> dict[str, int]:
    """Steps of an epoch and of the whole run, of its warmup, and of its last decay where it has one.

    The last batch of an epoch may be smaller, and the last step of an epoch have fewer batches. `spec` is `steps` of
    rows.json, `examples` those to train on.
    """
    batches = math.ceil(examples / (spec["micro_batch_size"] * spec["replicas"]))
    per_epoch = max(1, math.ceil(batches / spec["gradient_accumulation"]))
    total = math.ceil(round(spec["epochs"] * per_epoch, 9))
    warmup = spec["warmup_steps"]
    if warmup is None:
        warmup = min(max(2, math.ceil(round(spec["warmup_ratio"] * total, 9))), total) if total > 1 else 0
    counted = {"examples": examples, "per_epoch": per_epoch, "total": total, "warmup": warmup}
    if spec["decay_ratio"] is not None:
        counted["decay"] = min(max(1, round(spec["decay_ratio"] * total)), max(0, total - warmup))
    return counted


def write_steps(spec: StepsSpec, counted: dict[str, int], folder: Path) -> None:
    """Say the counted steps in the config in `folder`, in place of a warmup that is a share. Raises OSError.

    A key such as `training.max_steps` stands in the section `training`.
    """
    keys, path = spec["keys"], folder / CONFIG
    text = path.read_text("utf-8")
    for name in ("steps", "warmup_steps", "warmup_ratio"):
        text = re.sub(rf"^{_indent(keys[name])}:.*\n", "", text, flags=re.MULTILINE)
    if "decay" in counted:
        stable = counted["total"] - counted["warmup"] - counted["decay"]
        options = f"  {keys['stable_steps']}: {stable}\n  {keys['decay_steps']}: {counted['decay']}\n"
        text = re.sub(rf"^({keys['scheduler_options']}:\n)", rf"\g<1>{options}", text, flags=re.MULTILINE)
    said = f"Counted: {counted['examples']} examples make {counted['per_epoch']} steps per epoch"
    steps = [f"{_indent(keys[name])}: {counted[count]}" for name, count in _WRITTEN.items()]
    replace_file(path, _add_lines(text, keys["steps"].rpartition(".")[0], said, steps))


_WRITTEN = {"steps": "total", "warmup_steps": "warmup"}


def _add_lines(text: str, section: str, comment: str, lines: list[str]) -> str:
    """The lines at the end of the config, or first in their section where they have one."""
    if not section:
        return text + "\n" + "\n".join([f"# {comment}", *lines, ""])
    added = "\n".join([f"  # {comment}", *lines, ""])
    return re.sub(rf"^{section}:\n", rf"\g<0>{added}", text, flags=re.MULTILINE)


def _indent(key: str) -> str:
    return f"  {key.rpartition('.')[2]}" if "." in key else key


def count_packs(lengths: list[int], limit: int) -> int:
    """Packs that rows of these lengths (tokens) fill, the longest first, each where it fits first."""
    free: list[int] = []
    for length in sorted(lengths, reverse=True):
        place = next((index for index, room in enumerate(free) if room >= length), None)
        if place is None:
            free.append(limit - length)
        else:
            free[place] -= length
    return len(free)


def explain_too_few_packs(lengths: list[int], limit: int, needed: int) -> str | None:
    """Why these rows make no batch where packs are dropped that don't fill one; None where they do."""
    if not needed or sum(lengths) > needed * limit:
        return None
    packs = count_packs(lengths, limit)
    if packs >= needed:
        return None
    return (
        f"{len(lengths)} rows make {packs} packs of {limit} tokens, and a batch takes {needed}: the framework would "
        "drop them and never end; a smaller `training.micro_batch_size`, or `packing: false`"
    )


def describe_steps(counted: dict[str, int]) -> str:
    """The counted steps in a line."""
    said = f"{counted['total']} steps, {counted['per_epoch']} an epoch, the first {counted['warmup']} of them warmup"
    return said + (f", the last {counted['decay']} decay" if "decay" in counted else "")
