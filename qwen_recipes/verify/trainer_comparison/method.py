"""What is trained: names, ranks, scales, dropout, rates of adapters, and where they start."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.qwen.adapter_folder import CONFIG_FILE
from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, NotSeen, Seen, SeenLeaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.saved_tensors import digest_tensors

LAYER = re.compile(r"layers\.(\d+)\.")
TARGET = re.compile(r"\.(\w+)\.lora_[AB]\.")
NO_ADAPTER = NotSeen("no adapter is trained")
PATTERNS = ("rank_pattern", "alpha_pattern")
HEADS = ("v_head", "score", "classifier")
"""What a reward model learns beside the method's weights."""


def list_trainable(case: Case) -> dict[str, Any]:
    """Trainable tensors by name, without a reward model's head."""
    found: dict[str, Any] = case.section("weights")["trainable"]
    return {name: held for name, held in found.items() if not any(head in name for head in HEADS)}


def trained_adapter(case: Case) -> Mapping[str, Any] | None:
    """The adapter that is trained, None where there is none."""
    adapters = case.section("adapters")
    by_name = adapters.get("by_name", {})
    trained = [adapter for adapter in by_name.values() if adapter.get("trainable", True)]
    return trained[0] if trained else None


def look_at_type(case: Case) -> Seen | NotSeen:
    """Whether adapters, all weights, or some layers' are trained."""
    names = list_trainable(case)
    return Seen(case.plan.method.type, _classify(case, names))


def _classify(case: Case, names: Mapping[str, object]) -> str:
    if any("lora_" in name for name in names):
        return "lora"
    frozen = sum(case.section("weights")["frozen_dtypes"].values())
    return "freeze" if frozen else "full"


def look_at_variant(case: Case) -> Seen | NotSeen:
    """DoRA has magnitudes, PiSSA starts with B ≠ 0."""
    adapter = trained_adapter(case)
    if not case.plan.method.adapter or adapter is None:
        return NO_ADAPTER
    if adapter["config"].get("use_dora") or adapter["magnitude"]:
        return Seen(case.plan.method.variant, "dora")
    pissa = str(adapter["config"].get("init_lora_weights")).startswith("pissa")
    if case.plan.method.start_from is not None and case.plan.method.variant == "pissa":
        return NotSeen("an adapter that is continued does not show how it was made")
    return Seen(case.plan.method.variant, "pissa" if pissa else "plain")


def _look_at_patterns(case: Case) -> Seen | None:
    """Ranks and alphas of single modules, which a saved adapter may have beside its own; None where it has none."""
    saved, adapter = _read_saved_config(case), trained_adapter(case)
    if not any(saved.get(key) for key in PATTERNS):
        return None
    planned, seen = (
        {key: config.get(key) for key in PATTERNS} for config in (saved, (adapter or {}).get("config", {}))
    )
    return Seen(planned, seen, "of single modules, as saved")


def _read_saved_config(case: Case) -> dict[str, object]:
    start = case.plan.method.start_from
    try:
        return read_json(case.folder / start / CONFIG_FILE, "config") if start is not None else {}
    except (OSError, ValueError):
        return {}


def look_at_rank(case: Case) -> Seen | NotSeen:
    """The first dimension of every A."""
    if found := _look_at_patterns(case):
        return found
    ranks = {held["shape"][0] for name, held in list_trainable(case).items() if ".lora_A." in name}
    return Seen([case.plan.method.rank], sorted(ranks)) if case.plan.method.adapter else NO_ADAPTER


def look_at_alpha(case: Case) -> Seen | NotSeen:
    """The adapter's own alpha."""
    adapter = trained_adapter(case)
    if not case.plan.method.adapter:
        return NO_ADAPTER
    return Seen(case.plan.method.alpha, adapter and adapter["config"].get("lora_alpha"))


def look_at_scale(case: Case) -> Seen | NotSeen:
    """The factor that the update is multiplied with, which alpha, rank and rsLoRA make."""
    method, adapter = case.plan.method, trained_adapter(case)
    if not method.adapter:
        return NO_ADAPTER
    if found := _look_at_patterns(case):
        return found
    planned = method.alpha / (math.sqrt(method.rank) if method.rslora else method.rank)
    return Seen([planned], adapter and adapter["scaling"])


def look_at_dropout(case: Case) -> Seen | NotSeen:
    """The probability of each dropout module of the adapter; none where it is 0."""
    if not case.plan.method.adapter:
        return NO_ADAPTER
    found = {float(p) for p in case.section("modules")["dropout"]["adapter"]}
    return Seen([case.plan.method.dropout], sorted(found) or [0.0])


def look_at_targets(case: Case) -> Seen | NotSeen:
    """The linear layers that have an adapter."""
    if not case.plan.method.adapter:
        return NO_ADAPTER
    found = {match[1] for name in list_trainable(case) if (match := TARGET.search(name))}
    return Seen(sorted(set(case.plan.method.targets)), sorted(found))


def look_at_layers(case: Case) -> Seen | NotSeen:
    """The decoder layers with something trainable."""
    method = case.plan.method
    if method.type == "full" or (method.adapter and method.layers is None):
        return Seen("every layer", "every layer" if _trains_every_layer(case) else _list_layers(case))
    return Seen(sorted(method.layer_numbers), _list_layers(case))


def _list_layers(case: Case) -> list[int]:
    return sorted({int(match[1]) for name in list_trainable(case) if (match := LAYER.search(name))})


def _trains_every_layer(case: Case) -> bool:
    layers = _list_layers(case)
    return layers == list(range(len(layers))) and bool(layers)


def look_at_layer_count(case: Case) -> Seen | NotSeen:
    """How many of the last layers are trained."""
    if case.plan.method.layers is None:
        return NotSeen("all layers are trained: `method.layer_numbers`")
    return Seen(case.plan.method.layers, len(_list_layers(case)))


def look_at_modules_to_save(case: Case) -> Seen | NotSeen:
    """Modules beside the adapter that are trained whole."""
    if not case.plan.method.adapter:
        return NO_ADAPTER
    names = [name for name in list_trainable(case) if "lora_" not in name]
    found = {part for name in names for part in ("embed_tokens", "lm_head") if f".{part}." in name}
    other = [name for name in names if "embed_tokens" not in name and "lm_head" not in name]
    planned = set(case.plan.method.modules_to_save)
    if case.plan.model.tied and planned and found <= planned:
        found = planned if found else found  # tied embeddings are one tensor
    return Seen(sorted(planned), sorted(found) + other)


def look_at_lora_plus(case: Case) -> Seen | NotSeen:
    """The rate of B over that of A."""
    if not case.plan.method.adapter:
        return NO_ADAPTER
    rates = {part: _rates(case, part) for part in (".lora_A.", ".lora_B.")}
    if any(len(found) != 1 for found in rates.values()):
        return Seen(case.plan.method.lora_plus or 1.0, rates)
    a, b = (found.pop() for found in rates.values())
    return Seen(case.plan.method.lora_plus or 1.0, round(b / a, 9) if a else None)


def _rates(case: Case, part: str) -> set[float]:
    groups = case.section("optimizer")["groups"]
    return {
        group["options"].get("initial_lr", group["options"].get("lr"))
        for group in groups
        if any(part in name for name in group["names"])
    }


def look_at_start(case: Case) -> Seen | NotSeen:
    """A new adapter has A ≠ 0 and B = 0 (PiSSA: B ≠ 0); a continued one has B as it was saved."""
    method, adapter = case.plan.method, trained_adapter(case)
    if not method.adapter:
        return NO_ADAPTER
    if adapter is None or not adapter["A"] or not adapter["B"]:
        return Seen("an adapter", "none")
    if method.start_from is None:
        return Seen(_describe_new(method.variant), _describe(adapter))
    file = case.folder / method.start_from / "adapter_model.safetensors"
    try:
        planned, seen = digest_tensors(file, lambda name: ".lora_B." in name), adapter["B"]["sha256"]
        if planned != seen and case.plan.training.weights_dtype == "bfloat16":
            return NotSeen("B is held in bfloat16, which may not hold what was saved")
        return Seen(planned, seen, "B as saved")
    except (OSError, ValueError) as error:
        return NotSeen(f"the saved adapter can't be read: {error}")


def _describe_new(variant: str) -> str:
    return "A is not 0, B is not 0" if variant == "pissa" else "A is not 0, B is 0"


def _describe(adapter: Mapping[str, Any]) -> str:
    said = [f"{part} {'is not' if adapter[part]['absolute_sum'] > 0 else 'is'} 0" for part in ("A", "B")]
    return ", ".join(said)


METHOD: dict[str, Leaf] = {
    "method.type": SeenLeaf("names of trainable and frozen tensors", look_at_type),
    "method.variant": SeenLeaf("the adapter's config and its magnitudes", look_at_variant),
    "method.rank": SeenLeaf("shapes of every A", look_at_rank),
    "method.alpha": SeenLeaf("the adapter's config", look_at_alpha),
    "method.dropout": SeenLeaf("dropout modules of the adapter", look_at_dropout),
    "method.targets": SeenLeaf("names of the adapter's tensors", look_at_targets),
    "method.rslora": SeenLeaf("the factor on the adapter's update", look_at_scale),
    "method.layers": SeenLeaf("layers in the names of trainable tensors", look_at_layer_count),
    "method.layer_numbers": SeenLeaf("layers in the names of trainable tensors", look_at_layers),
    "method.lora_plus": SeenLeaf("rates of the groups that hold A and B", look_at_lora_plus),
    "method.modules_to_save": SeenLeaf("trainable tensors that are no adapter's", look_at_modules_to_save),
    "method.start_from": SeenLeaf("sums and digests of A and B", look_at_start),
    "method.start_from_revision": UnseenLeaf(
        "the probe does not use the hub", "tests/conformance/test_hub_training.py"
    ),
}
