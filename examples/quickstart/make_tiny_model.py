#!/usr/bin/env python3
"""Make a tiny Qwen3 with random weights, small enough to fine-tune on a laptop's CPU in a minute or two.

    python make_tiny_model.py model --tokenizer DIR [--variant hybrid] [--experts 8]

The folder has the layout of a released checkpoint (the same keys in config.json, the same tensor names,
tied embeddings), so that any framework loads it by its path; but in float32, since many CPUs compute bfloat16 twenty
times slower. It knows nothing: it shows that a recipe trains.
Needs torch and safetensors, which every framework's environment has. The weights depend on the arguments alone.
A folder that is up to date is left as it is. Exit status: 0 written or up to date, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found,unused-ignore]

VOCABULARY = 151936
HIDDEN = 64
LAYERS = 2
HEADS = 4
KEY_VALUE_HEADS = 2
HEAD_SIZE = 16
INTERMEDIATE = 128
EXPERTS_PER_TOKEN = 2
EMBEDDING_DEVIATION = 0.4
COMMON_TOKENS = 1000
"""Byte-pair ids are in order of frequency. A token's vector shrinks as 1 / (1 + id / COMMON_TOKENS), as rare tokens'
vectors are short in trained models too: otherwise 150,000 tokens that never occur drown the few that do, and an
adapter around a frozen, tied head has next to nothing to learn."""

END_OF_TEXT = 151643
END_OF_TURN = 151645
ADDED_TOKENS = slice(151643, 151669)
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
EMBEDDINGS = "model.embed_tokens.weight"
MARKER = "tiny-model.json"


class Variant(NamedTuple):
    """What the released checkpoints of one variant say in config.json and generation_config.json."""

    max_positions: int
    rope_theta: int
    eos: int
    sampling: dict[str, Any]


CHAT = {"bos_token_id": END_OF_TEXT, "eos_token_id": [END_OF_TURN, END_OF_TEXT], "pad_token_id": END_OF_TEXT}
THINKING = {**CHAT, "do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95}
INSTRUCT = {**CHAT, "do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8}
BASE = {"bos_token_id": END_OF_TEXT, "do_sample": False, "eos_token_id": END_OF_TEXT, "max_new_tokens": 2048}
VARIANTS = {
    "hybrid": Variant(40960, 1_000_000, END_OF_TURN, THINKING),
    "base": Variant(32768, 1_000_000, END_OF_TEXT, BASE),
    "instruct-2507": Variant(262144, 5_000_000, END_OF_TURN, INSTRUCT),
    "thinking-2507": Variant(262144, 5_000_000, END_OF_TURN, THINKING),
}


class Tensor(NamedTuple):
    """A weight to draw from a normal distribution of this standard deviation; None stands for all ones."""

    name: str
    shape: tuple[int, ...]
    deviation: float | None


def model_config(variant: str, experts: int) -> dict[str, Any]:
    """config.json in the released checkpoints' own keys, which transformers 4.51 and later read alike."""
    facts = VARIANTS[variant]
    config: dict[str, Any] = {
        "architectures": ["Qwen3MoeForCausalLM" if experts else "Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": END_OF_TEXT,
        "eos_token_id": facts.eos,
        "head_dim": HEAD_SIZE,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": facts.max_positions,
        "max_window_layers": LAYERS,
        "model_type": "qwen3_moe" if experts else "qwen3",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": facts.rope_theta,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": VOCABULARY,
    }
    if experts:
        config |= {
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
            "moe_intermediate_size": INTERMEDIATE // EXPERTS_PER_TOKEN,
            "norm_topk_prob": True,
            "num_experts": experts,
            "num_experts_per_tok": EXPERTS_PER_TOKEN,
            "output_router_logits": False,
            "router_aux_loss_coef": 0.001,
        }
    return dict(sorted(config.items()))


def linear(name: str, inputs: int, outputs: int) -> Tensor:
    """A linear layer that keeps the size of its input."""
    return Tensor(f"{name}.weight", (outputs, inputs), 1 / math.sqrt(inputs))


def norm(name: str, size: int) -> Tensor:
    """The weight of an RMS norm."""
    return Tensor(f"{name}.weight", (size,), None)


def attention(layer: str) -> Iterator[Tensor]:
    """Grouped-query attention with norms on queries and keys."""
    yield linear(f"{layer}.self_attn.q_proj", HIDDEN, HEADS * HEAD_SIZE)
    yield linear(f"{layer}.self_attn.k_proj", HIDDEN, KEY_VALUE_HEADS * HEAD_SIZE)
    yield linear(f"{layer}.self_attn.v_proj", HIDDEN, KEY_VALUE_HEADS * HEAD_SIZE)
    yield linear(f"{layer}.self_attn.o_proj", HEADS * HEAD_SIZE, HIDDEN)
    yield norm(f"{layer}.self_attn.q_norm", HEAD_SIZE)
    yield norm(f"{layer}.self_attn.k_norm", HEAD_SIZE)


def feed_forward(block: str, width: int) -> Iterator[Tensor]:
    """A gated feed-forward block of `width` inner units."""
    yield linear(f"{block}.gate_proj", HIDDEN, width)
    yield linear(f"{block}.up_proj", HIDDEN, width)
    yield linear(f"{block}.down_proj", width, HIDDEN)


def mixture(layer: str, experts: int) -> Iterator[Tensor]:
    """A router and its experts, each expert's weights apart as in the released files."""
    yield linear(f"{layer}.mlp.gate", HIDDEN, experts)
    for expert in range(experts):
        yield from feed_forward(f"{layer}.mlp.experts.{expert}", INTERMEDIATE // EXPERTS_PER_TOKEN)


def tensors(experts: int) -> Iterator[Tensor]:
    """Every weight of the model; the head is tied to the embeddings and has none of its own."""
    yield Tensor(EMBEDDINGS, (VOCABULARY, HIDDEN), EMBEDDING_DEVIATION)
    for index in range(LAYERS):
        layer = f"model.layers.{index}"
        yield norm(f"{layer}.input_layernorm", HIDDEN)
        yield from attention(layer)
        yield norm(f"{layer}.post_attention_layernorm", HIDDEN)
        yield from mixture(layer, experts) if experts else feed_forward(f"{layer}.mlp", INTERMEDIATE)
    yield norm("model.norm", HIDDEN)


def draw(tensor: Tensor, generator: torch.Generator) -> torch.Tensor:
    """The weight's values."""
    import torch

    if tensor.deviation is None:
        return torch.ones(tensor.shape)
    values = torch.randn(tensor.shape, generator=generator) * tensor.deviation
    if tensor.name == EMBEDDINGS:
        values *= token_scales().unsqueeze(1)
    return values


def token_scales() -> torch.Tensor:
    """The length of each token's vector relative to the most common one's, shape (VOCABULARY,)."""
    import torch

    ranks = torch.arange(VOCABULARY, dtype=torch.float32)
    ranks[ADDED_TOKENS] = 0
    return 1 / (1 + ranks / COMMON_TOKENS)


def write_weights(path: Path, experts: int, seed: int, rounded: bool) -> None:
    """Draw all weights from `seed` and save them; `rounded`, as the released models', to what bfloat16 can hold."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    drawn = {tensor.name: draw(tensor, generator) for tensor in tensors(experts)}
    values = {name: value.bfloat16().float() if rounded else value for name, value in drawn.items()}
    save_file(values, path, {"format": "pt"})


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` with two spaces of indent and a final newline."""
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def fingerprint(tokenizer: Path, variant: str, experts: int, seed: int, rounded: bool) -> str:
    """SHA-256 over this file, the arguments and the tokenizer's files: what the folder depends on."""
    digest = hashlib.sha256(repr((variant, experts, seed, rounded)).encode())
    for path in [Path(__file__), *tokenizer_files(tokenizer)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def tokenizer_files(folder: Path) -> list[Path]:
    """The tokenizer's files that `folder` has."""
    return [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]


def fill(folder: Path, tokenizer: Path, variant: str, experts: int, seed: int, rounded: bool) -> None:
    """Write the whole model into `folder`."""
    write_json(folder / "config.json", model_config(variant, experts))
    write_json(folder / "generation_config.json", VARIANTS[variant].sampling)
    write_weights(folder / "model.safetensors", experts, seed, rounded)
    for path in tokenizer_files(tokenizer):
        shutil.copyfile(path, folder / path.name)


def made_here(folder: Path) -> str | None:
    """The fingerprint of a folder that this program wrote, or None."""
    marker = folder / MARKER
    return str(json.loads(marker.read_text("utf-8"))["fingerprint"]) if marker.is_file() else None


def replace(finished: Path, out: Path) -> None:
    """Put `finished` in the place of `out`, which is never half written."""
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as old:
        if out.exists():
            out.rename(Path(old) / "old")
        finished.rename(out)


def make(out: Path, tokenizer: Path, variant: str, experts: int, seed: int, rounded: bool) -> bool:
    """Make the model in `out`; false where it was up to date already."""
    wanted = fingerprint(tokenizer, variant, experts, seed, rounded)
    if made_here(out) == wanted:
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as work:
        finished = Path(work) / "model"
        finished.mkdir()
        fill(finished, tokenizer, variant, experts, seed, rounded)
        write_json(finished / MARKER, {"fingerprint": wanted})
        replace(finished, out)
    return True


def arguments() -> argparse.Namespace:
    """The command line, checked: a tokenizer is there, and `OUT` is not somebody else's folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="DIR", help="folder with tokenizer.json")
    parser.add_argument("--variant", choices=VARIANTS, default="hybrid", help="which release's configuration to follow")
    parser.add_argument("--experts", type=int, default=0, metavar="N", help="make a mixture of N experts (0: dense)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random weights")
    parser.add_argument("--float32", action="store_true", help="keep values that bfloat16 can't hold")
    options = parser.parse_args()
    if not (options.tokenizer / "tokenizer.json").is_file():
        parser.error(f"no tokenizer.json in {options.tokenizer}")
    if options.experts and options.experts < EXPERTS_PER_TOKEN:
        parser.error(f"--experts needs at least {EXPERTS_PER_TOKEN}: each token goes to {EXPERTS_PER_TOKEN}")
    if options.out.exists() and made_here(options.out) is None:
        parser.error(f"{options.out} exists and was not made by this program")
    return options


def main() -> None:
    """Run from the command line."""
    options = arguments()
    rounded = not options.float32
    written = make(options.out, options.tokenizer, options.variant, options.experts, options.seed, rounded)
    print(f"{options.out}: {'written' if written else 'up to date'}", file=sys.stderr)


if __name__ == "__main__":
    main()
