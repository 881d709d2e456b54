"""The shape of one model, and the counts that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Variant = Literal["hybrid", "base", "instruct-2507", "thinking-2507", "unknown"]
FactsOrigin = Literal["registry", "folder", "cache", "like", "run"]
"""Where facts come from: our list of releases, a model's folder, the hub's local cache, the model that `like` names,
or what a run that has not written its model yet was started from."""
TokenizerKind = Literal["official", "rewritten", "own"]
"""A tokenizer.json as Qwen released it, as transformers saves it again, or any other."""

ATTENTION_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP_MODULES = ("gate_proj", "up_proj", "down_proj")
EMBEDDING_MODULES = ("embed_tokens", "lm_head")

LAYER_CLASSES = {"qwen3": "Qwen3DecoderLayer", "qwen3_moe": "Qwen3MoeDecoderLayer"}
"""The decoder layer's class in transformers, which FSDP wraps, by `model_type`."""

LinearShape = tuple[int, int]
"""Input and output features."""


@dataclass(frozen=True)
class CheckpointQuantization:
    """How a checkpoint's weights are stored: `quantization_config` of its config.json. `bits` is of one weight."""

    method: str
    """`quant_method` as transformers knows it: `fp8`, `awq`, `gptq`, `bitsandbytes`, `compressed-tensors`, …"""
    bits: int
    double: bool = False
    """bitsandbytes: whether the quantization constants are quantized too."""


@dataclass(frozen=True)
class ModelFacts:
    """What is true of one checkpoint. Sizes in units of its config.json, lengths in tokens.

    `intermediate_size` of a mixture of experts is in its config and used by no layer. `eos_token` is the
    tokenizer's own. `variant` is `unknown` where the chat template is none of the four official ones: only its own
    template fits the model then, and nothing may be assumed about its reasoning.
    """

    id: str
    model_type: str
    variant: Variant
    revision: str | None
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    moe_intermediate_size: int | None
    experts: int | None
    experts_per_token: int | None
    vocab_size: int
    tied_embeddings: bool
    max_positions: int
    rope_theta: float
    eos_token: str
    pad_token: str
    origin: FactsOrigin
    folder: Path | None = None
    """The model's files on this machine: its folder, or its snapshot in the hub's cache. None: the released files."""
    tokenizer: TokenizerKind = "official"
    own_template: str | None = None
    """The text of the model's chat template where it is none of the official ones."""
    family: str = "Qwen3"
    """The name that the family has in public: `Qwen3`, `Qwen3-Coder`, `Qwen3Guard`."""
    quantization: CheckpointQuantization | None = None
    stored_bytes: int | None = None
    """Bytes of the checkpoint's weights, where its files tell."""
    saved_as: str = ""
    """The class in its config.json, where that tells."""
    lm_head: bool = True
    """Whether it has a language model head: in its weights, or its embeddings are the head."""
    labels: int = 0
    """Outputs of its classification head; 0 where there is none."""

    @property
    def local(self) -> bool:
        """Whether the model is a folder on this machine, or will be one."""
        return self.origin in ("folder", "run")

    @property
    def dense(self) -> bool:
        """Whether every token passes through every weight (no experts)."""
        return self.experts is None

    @property
    def layer_class(self) -> str:
        """The decoder layer's class in transformers."""
        return LAYER_CLASSES[self.model_type]

    @property
    def linear_modules(self) -> tuple[str, ...]:
        """The linear modules of a layer, all that an adapter goes on by default.

        Of a mixture of experts only the attention's: its experts are fused three-dimensional weights.
        """
        return ATTENTION_MODULES + MLP_MODULES if self.dense else ATTENTION_MODULES

    @property
    def linear_shapes(self) -> dict[str, LinearShape]:
        """Input and output features of each of `linear_modules`, per layer."""
        query, key, hidden = self.heads * self.head_dim, self.kv_heads * self.head_dim, self.hidden_size
        shapes = {
            "q_proj": (hidden, query),
            "k_proj": (hidden, key),
            "v_proj": (hidden, key),
            "o_proj": (query, hidden),
        }
        if self.dense:
            wide = self.intermediate_size
            shapes |= {"gate_proj": (hidden, wide), "up_proj": (hidden, wide), "down_proj": (wide, hidden)}
        return shapes

    @property
    def linear_parameters(self) -> int:
        """Weights in the linear modules of all layers: what a 4-bit load of a dense model quantizes."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_shapes.values())

    @property
    def expert_parameters(self) -> int:
        """Weights of all experts: fused three-dimensional weights, which no bitsandbytes load quantizes by itself."""
        return self.layers * (self.experts or 0) * 3 * self.hidden_size * (self.moe_intermediate_size or 0)

    @property
    def embedding_parameters(self) -> int:
        """Weights of the token embedding and the head, counted once where they are tied."""
        return self.hidden_size * self.vocab_size * (1 if self.tied_embeddings else 2)

    @property
    def layer_parameters(self) -> int:
        """The number of weights of one decoder layer, all experts included."""
        return self._count_layer_parameters(self.experts or 0)

    @property
    def parameters(self) -> int:
        """The number of weights of the whole model."""
        return self.embedding_parameters + self.layers * self.layer_parameters + self.hidden_size

    @property
    def active_parameters(self) -> int:
        """The number of weights that a token passes through, all of embedding and head; dense: `parameters`."""
        active = self._count_layer_parameters(self.experts_per_token or 0)
        return self.embedding_parameters + self.layers * active + self.hidden_size

    def _count_layer_parameters(self, experts: int) -> int:
        linear = self.linear_parameters // self.layers
        norms = 2 * self.head_dim + 2 * self.hidden_size
        router = self.hidden_size * (self.experts or 0)
        return linear + norms + router + experts * 3 * self.hidden_size * (self.moe_intermediate_size or 0)


def count_lora_parameters(facts: ModelFacts, rank: int, targets: Sequence[str], dora: bool = False) -> int:
    """Trainable weights of an adapter of this rank on these modules, as PEFT counts them.

    DoRA adds one magnitude per output feature of a linear module. For a mixture of experts under transformers 5,
    `gate_proj` and `up_proj` are one fused weight that gets twice the rank (PEFT 0.21), and `gate` is the router.

    Raises:
        ValueError: a target that this model does not have; the message names those it has.
    """
    modules = _count_adapter_parameters(facts, rank)
    wanted = dict.fromkeys("gate_proj" if name == "up_proj" and not facts.dense else name for name in targets)
    if missing := [name for name in wanted if name not in modules]:
        raise ValueError(f"{facts.id} has no module {', '.join(missing)}; it has {', '.join(modules)}")
    total = sum(modules[name] for name in wanted)
    return total + (_count_dora_magnitudes(facts, wanted) if dora else 0)


def _count_adapter_parameters(facts: ModelFacts, rank: int) -> dict[str, int]:
    """Weights of an adapter on each module that can be named, over all layers."""
    counts = {name: facts.layers * rank * sum(shape) for name, shape in facts.linear_shapes.items()}
    if facts.experts and facts.moe_intermediate_size:
        hidden, wide, every = facts.hidden_size, facts.moe_intermediate_size, facts.layers * facts.experts * rank
        counts["gate_proj"] = every * 2 * (hidden + 2 * wide)
        counts["down_proj"] = every * (wide + hidden)
        counts["gate"] = facts.layers * rank * (hidden + facts.experts)
    head = rank * (facts.hidden_size + facts.vocab_size)
    return counts | {"embed_tokens": head, "lm_head": head}


def _count_dora_magnitudes(facts: ModelFacts, targets: dict[str, None]) -> int:
    shapes = facts.linear_shapes
    inside = facts.layers * sum(shapes[name][1] for name in targets if name in shapes)
    outside = {"embed_tokens": facts.hidden_size, "lm_head": facts.vocab_size}
    return inside + sum(size for name, size in outside.items() if name in targets)
