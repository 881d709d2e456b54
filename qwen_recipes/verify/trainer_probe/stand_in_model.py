"""The model that a probe starts: the recipe's own folder where it is small, else a small one of its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import MethodPlan, Plan
from qwen_recipes.data.encoder import find_tokenizer_folder
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_bytes, read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import get_model_facts

LARGEST_OWN = 2 << 30
"""Bytes of weights: a larger folder, or one without weights, gets a stand-in."""
WIDTH, EXPERTS = 64, 8
NOTE = "on a small stand-in model of the same class, layers and tokenizer, with random weights"
ADAPTER_NOTE = "on a stand-in adapter of the same configuration, with random weights"
END_OF_TEXT, END_OF_TURN = 151643, 151645
NOT_TOKENIZER = ("config.json", "generation_config.json")
TOKENIZER_SUFFIXES = (".json", ".jinja", ".txt")
LARGEST_TOKENIZER_FILE = 50_000_000


@dataclass(frozen=True)
class ProbeModel:
    """Where the model and the adapter to continue from lie, and what the worker has to make first.

    `notes` say of the plan's fields that they are seen on a stand-in.
    """

    folder: Path
    start_from: Path | None
    make_model: bool
    make_adapter: Mapping[str, Any] | None
    notes: Mapping[str, str]


def prepare_model(plan: Plan, base: Path, folder: Path) -> ProbeModel:
    """The recipe's own model, or the files of a stand-in below `folder` but for its weights; `base` is the recipe's.

    A stand-in keeps the number of layers, so that layer numbers mean what they mean in the recipe.
    Raises UnknownModelError or ModelFolderError.
    """
    own = (base / expand_home(plan.model.id)).resolve() if plan.model.local else None
    saved = _find_adapter(plan, base)
    if own is not None and 0 < _count_weight_bytes(own) <= LARGEST_OWN:
        return ProbeModel(own, saved, make_model=False, make_adapter=None, notes={})
    made = folder / "model"
    _write_stand_in(get_model_facts(plan.model, base), plan.method, own, made)
    notes = {"model.id": NOTE}
    if plan.method.start_from is None:
        return ProbeModel(made, None, make_model=True, make_adapter=None, notes=notes)
    config = _read_adapter_config(saved) or _describe_adapter(plan.method)
    notes["method.start_from"] = ADAPTER_NOTE
    return ProbeModel(made, folder / "adapter", make_model=True, make_adapter=config, notes=notes)


def _find_adapter(plan: Plan, base: Path) -> Path | None:
    return (base / plan.method.start_from).resolve() if plan.method.start_from is not None else None


def _count_weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _write_stand_in(facts: ModelFacts, method: MethodPlan, own: Path | None, folder: Path) -> None:
    small = _shrink_facts(facts, method)
    replace_file(folder / "config.json", json.dumps(_make_config(small), indent=2))
    eos = _list_end_ids(facts)
    generation = {"bos_token_id": END_OF_TEXT, "eos_token_id": eos, "pad_token_id": END_OF_TEXT}
    replace_file(folder / "generation_config.json", json.dumps(generation, indent=2))
    for file in sorted((own or find_tokenizer_folder(facts)).iterdir()):
        if _is_tokenizer_file(file):
            replace_file(folder / file.name, read_bytes(file, "tokenizer"))
    if own is None and facts.own_template is not None:
        replace_file(folder / "chat_template.jinja", facts.own_template)


def _is_tokenizer_file(file: Path) -> bool:
    known = file.suffix in TOKENIZER_SUFFIXES and file.name not in NOT_TOKENIZER and ".index." not in file.name
    return file.is_file() and known and file.stat().st_size < LARGEST_TOKENIZER_FILE


def _shrink_facts(facts: ModelFacts, method: MethodPlan) -> ModelFacts:
    """As wide as the adapter's rank asks: PiSSA and low-rank gradients take singular vectors of each matrix."""
    width = max(WIDTH, 32 * -(-method.rank // 32)) if method.adapter else WIDTH
    experts = min(facts.experts, EXPERTS) if facts.experts else None
    return replace(
        facts,
        hidden_size=width,
        intermediate_size=2 * width,
        heads=4,
        kv_heads=2,
        head_dim=width // 2,
        experts=experts,
        experts_per_token=min(facts.experts_per_token or 2, experts // 2) if experts else None,
        moe_intermediate_size=width if experts else None,
    )


def _make_config(facts: ModelFacts) -> dict[str, object]:
    """config.json in a released checkpoint's keys."""
    dense = {
        "architectures": ["Qwen3ForCausalLM" if facts.dense else "Qwen3MoeForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": END_OF_TEXT,
        "eos_token_id": _list_end_ids(facts)[0],
        "head_dim": facts.head_dim,
        "hidden_act": "silu",
        "hidden_size": facts.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": facts.intermediate_size,
        "max_position_embeddings": facts.max_positions,
        "max_window_layers": facts.layers,
        "model_type": facts.model_type,
        "num_attention_heads": facts.heads,
        "num_hidden_layers": facts.layers,
        "num_key_value_heads": facts.kv_heads,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": facts.rope_theta,
        "sliding_window": None,
        "tie_word_embeddings": facts.tied_embeddings,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": facts.vocab_size,
    }
    return dense if facts.dense else {**dense, **_make_expert_config(facts)}


def _make_expert_config(facts: ModelFacts) -> dict[str, object]:
    return {
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "moe_intermediate_size": facts.moe_intermediate_size,
        "norm_topk_prob": True,
        "num_experts": facts.experts,
        "num_experts_per_tok": facts.experts_per_token,
        "output_router_logits": False,
        "router_aux_loss_coef": 0.001,
    }


def _list_end_ids(facts: ModelFacts) -> list[int]:
    return [END_OF_TEXT] if facts.variant == "base" else [END_OF_TURN, END_OF_TEXT]


def _read_adapter_config(folder: Path | None) -> dict[str, object] | None:
    file = folder / "adapter_config.json" if folder else None
    if file is None or not file.is_file():
        return None
    config: dict[str, Any] = read_json(file, "config")
    return config


def _describe_adapter(method: MethodPlan) -> dict[str, object]:
    return {
        "task_type": "CAUSAL_LM",
        "r": method.rank,
        "lora_alpha": method.alpha,
        "target_modules": list(method.targets),
        "use_rslora": method.rslora,
        "use_dora": method.variant == "dora",
    }
