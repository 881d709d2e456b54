"""The released Qwen3 language models: shapes, context lengths, pinned revisions."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.qwen.facts import ModelFacts, Variant
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN

HEAD_DIM = 128
VOCAB_SIZE = 151_936


@dataclass(frozen=True)
class ModelShape:
    """What all variants of one size share. `ffn` is in the config of a mixture of experts too, unused."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    tied: bool = False
    expert_ffn: int | None = None


@dataclass(frozen=True)
class ModelRelease:
    """One checkpoint: `name` without the organisation, the commit it is pinned to, lengths in tokens."""

    name: str
    size: str
    variant: Variant
    positions: int
    theta: float
    revision: str


EXPERTS = 128
EXPERTS_PER_TOKEN = 8

SHAPES = {
    "0.6B": ModelShape(28, 1024, 16, 8, 3072, tied=True),
    "1.7B": ModelShape(28, 2048, 16, 8, 6144, tied=True),
    "4B": ModelShape(36, 2560, 32, 8, 9728, tied=True),
    "8B": ModelShape(36, 4096, 32, 8, 12288),
    "14B": ModelShape(40, 5120, 40, 8, 17408),
    "32B": ModelShape(64, 5120, 64, 8, 25600),
    "30B-A3B": ModelShape(48, 2048, 32, 4, 6144, expert_ffn=768),
    "235B-A22B": ModelShape(94, 4096, 64, 4, 12288, expert_ffn=1536),
}


def _make_hybrid_release(size: str, revision: str) -> ModelRelease:
    return ModelRelease(f"Qwen3-{size}", size, "hybrid", 40_960, 1e6, revision)


def _make_base_release(size: str, revision: str) -> ModelRelease:
    return ModelRelease(f"Qwen3-{size}-Base", size, "base", 32_768, 1e6, revision)


def _make_instruct_release(size: str, theta: float, revision: str) -> ModelRelease:
    return ModelRelease(f"Qwen3-{size}-Instruct-2507", size, "instruct-2507", 262_144, theta, revision)


def _make_thinking_release(size: str, theta: float, revision: str) -> ModelRelease:
    return ModelRelease(f"Qwen3-{size}-Thinking-2507", size, "thinking-2507", 262_144, theta, revision)


RELEASES = (
    _make_hybrid_release("0.6B", "c1899de289a04d12100db370d81485cdf75e47ca"),
    _make_hybrid_release("1.7B", "70d244cc86ccca08cf5af4e1e306ecf908b1ad5e"),
    _make_hybrid_release("4B", "1cfa9a7208912126459214e8b04321603b3df60c"),
    _make_hybrid_release("8B", "b968826d9c46dd6066d109eabc6255188de91218"),
    _make_hybrid_release("14B", "40c069824f4251a91eefaf281ebe4c544efd3e18"),
    _make_hybrid_release("32B", "9216db5781bf21249d130ec9da846c4624c16137"),
    _make_hybrid_release("30B-A3B", "ad44e777bcd18fa416d9da3bd8f70d33ebb85d39"),
    _make_hybrid_release("235B-A22B", "8efa61729e24bd65b1d152b5ab5409052aa80e65"),
    _make_base_release("0.6B", "da87bfb608c14b7cf20ba1ce41287e8de496c0cd"),
    _make_base_release("1.7B", "ea980cb0a6c2ae4b936e82123acc929f1cec04c1"),
    _make_base_release("4B", "906bfd4b4dc7f14ee4320094d8b41684abff8539"),
    _make_base_release("8B", "49e3418fbbbca6ecbdf9608b4d22e5a407081db4"),
    _make_base_release("14B", "0b0bd3732e2c374d483664439ea334928b65f304"),
    _make_base_release("30B-A3B", "1b75feb79f60b8dc6c5bc769a898c206a1c6a4f9"),
    _make_instruct_release("4B", 5e6, "cdbee75f17c01a7cc42f958dc650907174af0554"),
    _make_instruct_release("30B-A3B", 1e7, "0d7cf23991f47feeb3a57ecb4c9cee8ea4a17bfe"),
    _make_instruct_release("235B-A22B", 5e6, "ac9c66cc9b46af7306746a9250f23d47083d689e"),
    _make_thinking_release("4B", 5e6, "768f209d9ea81521153ed38c47d515654e938aea"),
    _make_thinking_release("30B-A3B", 1e7, "144afc2f379b542fdd4e85a1fcd5e1f79112d95d"),
    _make_thinking_release("235B-A22B", 5e6, "6cbffae6d8e28b986a6b17bd36f42f9fa0f1f0a5"),
)


def _make_model_facts(release: ModelRelease) -> ModelFacts:
    shape = SHAPES[release.size]
    mixture = shape.expert_ffn is not None
    return ModelFacts(
        id=f"Qwen/{release.name}",
        model_type="qwen3_moe" if mixture else "qwen3",
        variant=release.variant,
        revision=release.revision,
        layers=shape.layers,
        hidden_size=shape.hidden,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=HEAD_DIM,
        intermediate_size=shape.ffn,
        moe_intermediate_size=shape.expert_ffn,
        experts=EXPERTS if mixture else None,
        experts_per_token=EXPERTS_PER_TOKEN if mixture else None,
        vocab_size=VOCAB_SIZE,
        tied_embeddings=shape.tied,
        max_positions=release.positions,
        rope_theta=release.theta,
        eos_token=END_OF_TEXT if release.variant == "base" else END_OF_TURN,
        pad_token=END_OF_TEXT,
        origin="registry",
    )


DEFAULT_MODEL = "Qwen/Qwen3-4B-Instruct-2507"
"""The model that is meant where a command needs one and is told none."""
REGISTRY = {facts.id: facts for facts in map(_make_model_facts, RELEASES)}
"""Every released Qwen3 language model in its original precision, by hub id."""
