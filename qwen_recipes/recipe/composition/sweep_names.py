"""Short names of trials, which become names of folders: `lr1e-4-rank16`."""

from __future__ import annotations

import re

from qwen_recipes.yaml_text.nodes import Mapping, Node, Sequence, plain_data

MAX_NAME_LENGTH = 48
_SHORT_FIELDS = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "weight_decay": "wd",
    "sequence_length": "len",
    "warmup_ratio": "warmup",
    "label_smoothing": "smoothing",
    "max_grad_norm": "clip",
    "gradient_checkpointing": "checkpointing",
}


def name_combinations(combinations: list[dict[str, Node]]) -> list[tuple[str, dict[str, Node]]]:
    """Each combination with its name; numbers where names would be long, or the same."""
    names = ["-".join(_name_value(field, value) for field, value in values.items()) for values in combinations]
    if len(set(names)) < len(names) or any(not name or len(name) > MAX_NAME_LENGTH for name in names):
        width = max(2, len(str(len(names))))
        names = [f"t{number:0{width}}" for number in range(1, len(names) + 1)]
    return list(zip(names, combinations, strict=True))


def _name_value(field: str, node: Node) -> str:
    last = re.sub(r"\[\d+\]", "", field).rpartition(".")[2]
    return f"{_SHORT_FIELDS.get(last, last.replace('_', '-'))}{_format_value(node)}"


def _format_value(node: Node) -> str:
    """A value in few characters that a folder's name may have."""
    if isinstance(node, Mapping):
        inner = node.entries.get("type") or node.entries.get("id")
        return _format_value(inner) if inner is not None else "-".join(f"{k}{v}" for k, v in plain_data(node).items())
    if isinstance(node, Sequence):
        return "_".join(_format_value(item) for item in node.items)
    value = node.value
    if isinstance(value, bool) or value is None:
        return f"-{str(value).lower()}"
    if isinstance(value, (int, float)):
        return format_number(value)
    text = re.sub(r"[^0-9A-Za-z._-]+", "-", str(value).rstrip("/").rpartition("/")[2]).strip("-._")
    return f"-{text}"


def format_number(value: float) -> str:
    """`0.0001` as `1e-4`, `0.05` as it is."""
    if isinstance(value, int):
        return str(value)
    mantissa, _, exponent = f"{value:.6g}".partition("e")
    if not exponent and 0 < abs(value) < 0.001:
        mantissa, _, exponent = f"{value:.5e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
