"""The plan: every value that a backend receives, with nothing left open.

Made by `qwen_recipes.resolve`, read by the templates, the guards and the launcher. Field names follow the recipe's,
so that `training.learning_rate` is the same thing in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from math import sqrt
from typing import Any, Literal

from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.recipe.objective_formats import NEXT_TOKEN_OBJECTIVES, PAIRED_OBJECTIVES

OWN_TEMPLATE = "own"
"""The chat template that came with the model, where it is not an official one."""

Origin = Literal["recipe", "model", "hardware", "default"]
"""Where a value comes from: the person's file, a fact about the model, the machine, or a choice of ours."""


@dataclass(frozen=True)
class Reason:
    """Why a value of the plan is what it is.

    `fields` are the recipe's fields it was computed from: reading the value counts as reading them.
    """

    origin: Origin
    text: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelPlan:
    """The model that is trained. Sizes in units of the model's own config."""

    id: str
    revision: str | None
    local: bool
    model_type: str
    variant: str
    layer_class: str
    max_positions: int
    dense: bool
    tied: bool
    like: str | None = None
    """A model of the same kind, where nothing is known of this one."""
    source: str | None = None
    """The hub that a hub id is on; None for the Hugging Face hub."""


@dataclass(frozen=True)
class SourcePlan:
    """Rows to train or validate on: `path` is relative to the recipe's folder, `name` is unique in the recipe."""

    name: str
    path: str | None
    hub: str | None
    subset: str | None
    split: str | None
    revision: str | None
    format: str
    columns: Mapping[str, str]
    weight: float
    limit: int | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    """Our roles by the rows' own names."""
    prompt_style: str = "plain"
    encoding: str | None = None


@dataclass(frozen=True)
class DataPlan:
    """Where rows come from. `validation_share` is a fraction of the training rows, or None."""

    train: tuple[SourcePlan, ...]
    validation: tuple[SourcePlan, ...]
    validation_share: float | None
    streaming: bool

    @property
    def validates(self) -> bool:
        """Whether anything is held out to evaluate on."""
        return bool(self.validation) or self.validation_share is not None


@dataclass(frozen=True)
class ChatPlan:
    """How a conversation becomes tokens and which of them carry loss."""

    template: str
    """The official template's variant (`hybrid`, `base`, `instruct-2507`, `thinking-2507`), `own` for the model's own
    where it is none of these, or a .jinja file."""
    official: bool
    train_on: str
    thinking: str
    eos: str
    pad: str
    turns: str = "together"
    """What a conversation of several turns becomes: `split` (one example for each user query where earlier reasoning
    would be lost), `together` or `last`."""
    encoding: str = "native"
    """Who makes ids and labels of text: the framework (`native`) or we (`exact`)."""

    @property
    def compiled_in(self) -> bool:
        """Whether the template's text is compiled, too; a file of the recipe's is read where it is."""
        return self.official or self.template == OWN_TEMPLATE

    @property
    def exact(self) -> bool:
        """Whether rows are handed over as ids and labels."""
        return self.encoding == "exact"


@dataclass(frozen=True)
class MethodPlan:
    """What is trained: every weight (`full`), the last layers' (`freeze`), or an adapter (`lora`) on `targets`."""

    type: str
    variant: str
    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]
    rslora: bool
    layers: int | None
    layer_numbers: tuple[int, ...]
    """The decoder layers that are trained or adapted where `layers` says how many; none means all."""
    lora_plus: float | None
    """Learning rate of the B matrices over that of the A matrices (LoRA+); None: one learning rate for both."""
    modules_to_save: tuple[str, ...]
    start_from: str | None
    start_from_revision: str | None = None

    @property
    def adapter(self) -> bool:
        """Whether an adapter is trained and the base model stays as it is."""
        return self.type == "lora"

    @property
    def scale(self) -> float:
        """What the adapter's update is multiplied by: alpha/rank, or alpha/√rank under rsLoRA."""
        return self.alpha / (sqrt(self.rank) if self.rslora else self.rank)

    @property
    def scale_formula(self) -> str:
        """How the scale is computed."""
        return f"alpha/{'√' if self.rslora else ''}rank = {self.alpha:g}/{'√' if self.rslora else ''}{self.rank}"


@dataclass(frozen=True)
class QuantizationPlan:
    """How the frozen base is stored; `bits` is 16 where it is not quantized."""

    bits: int
    type: str
    double: bool
    storage: str
    experts: bool = False
    """Whether the fused experts of a mixture are quantized, too."""


@dataclass(frozen=True)
class WarmupPlan:
    """Learning-rate warmup: a number of optimizer steps where the length of the run is known, else a share of it."""

    steps: int | None
    ratio: float | None


@dataclass(frozen=True)
class LowRankPlan:
    """The projection of gradients under GaLore and APOLLO; others don't read it. `update_interval` in steps."""

    rank: int
    update_interval: int
    scale: float


@dataclass(frozen=True)
class TrainingPlan:
    """Optimisation. Lengths in tokens, intervals in optimizer steps.

    `batch_size` counts the sequences of an optimizer step over all GPUs, as frameworks do: examples, or packs.
    """

    epochs: float | None
    steps: int | None
    sequence_length: int
    overlong: str
    packing: bool
    batch_size: int
    micro_batch_size: int
    gradient_accumulation: int
    evaluation_micro_batch_size: int
    """Sequences per GPU and forward pass of an evaluation, which keeps all logits."""
    pack_length: int
    """Tokens of a pack; `sequence_length` where nothing is packed."""
    examples_per_step: float | None
    """Examples of an optimizer step in the mean; None where they are packed and their mean length is not known."""
    tokens_per_step: int | None
    """Tokens of an optimizer step in the mean, without padding; None where the mean length is not known."""
    learning_rate: float
    scheduler: str
    warmup: WarmupPlan
    optimizer: str
    low_rank: LowRankPlan
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    min_learning_rate_ratio: float
    """Where the learning rate ends, as a share of the peak."""
    precision: str
    weights_dtype: str
    fp8: bool
    seed: int
    data_seed: int
    gradient_checkpointing: bool
    offload_activations: bool
    reentrant_checkpointing: bool
    attention: str
    liger: bool
    cut_cross_entropy: bool
    lora_kernels: bool
    compile: bool
    neftune: float | None
    """Noise alpha of NEFTune; None adds no noise."""
    early_stopping: int | None
    """Evaluations without improvement after which training stops; None trains to the end."""
    evaluate_every: int | float | Literal["epoch", "never"]
    """Below 1 it is a share of the run."""
    save_every: int | float | Literal["epoch", "never"]
    keep_checkpoints: int
    """How many of the newest checkpoints are kept on disk."""
    log_every: int
    decay: WarmupPlan
    """How long the last part of `warmup_stable_decay` is, in the same terms as warmup."""
    save_optimizer: bool
    dataloader_workers: int | None
    """Processes per GPU that load data; None is the framework's default."""
    tf32: bool

    @property
    def tokens_per_sequence(self) -> int:
        """The most tokens of a sequence of a micro-batch: an example, or a pack."""
        return self.pack_length if self.packing else self.sequence_length


@dataclass(frozen=True)
class HardwarePlan:
    """The machine: `strategy` is how the work is spread over `gpus` GPUs of each of `nodes` hosts."""

    device: str
    gpu: GpuModel | None
    gpus: int
    nodes: int
    strategy: str
    offload: str = "none"
    tensor_parallel: int = 1
    context_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: int = 1

    @property
    def world(self) -> int:
        """Processes that train, over all hosts."""
        return self.gpus * self.nodes

    @property
    def replicas(self) -> int:
        """Processes that see rows of their own: those that share a model or a sequence count once."""
        return max(1, self.world // (self.tensor_parallel * self.context_parallel * self.pipeline_parallel))

    @property
    def megatron(self) -> bool:
        """Whether Megatron-Core trains."""
        return self.strategy == "megatron"

    @property
    def deepspeed(self) -> bool:
        """Whether DeepSpeed shards."""
        return self.strategy in ("zero1", "zero2", "zero3")

    @property
    def fsdp(self) -> bool:
        """Whether PyTorch's FSDP shards."""
        return self.strategy in ("fsdp", "fsdp1")


@dataclass(frozen=True)
class OutputPlan:
    """Where the run writes; `dir` is relative to the recipe's folder, `hub` a repository to push to."""

    dir: str
    hub: str | None
    hub_private: bool


@dataclass(frozen=True)
class TrackingPlan:
    """What records the curves, and under which names."""

    to: str
    project: str
    run_name: str


@dataclass(frozen=True)
class RunPlan:
    """How the run is started: `environment` is `managed` (built by us), `current`, or a folder."""

    environment: str


@dataclass(frozen=True)
class RewardPlan:
    """A function that scores answers: `path` is relative to the recipe's folder, `function` unique in the recipe."""

    path: str
    function: str
    weight: float


@dataclass(frozen=True)
class ObjectivePlan:
    """What is optimised. Numbers that belong to another type hold that type's defaults and are not read."""

    type: str
    loss: str
    beta: float
    gamma: float
    label_smoothing: float
    sft_weight: float
    desirable_weight: float
    undesirable_weight: float
    kl_weight: float | None
    reference: str = "start"
    rewards: tuple[RewardPlan, ...] = ()
    generations: int = 8
    max_completion_length: int = 512
    temperature: float = 1.0
    epsilon: float = 0.2
    top_p: float = 1.0
    top_k: int = 0
    vllm: str = "none"
    vllm_memory: float = 0.3
    """Share of a GPU's memory."""
    vllm_host: str = "localhost"
    vllm_port: int = 8000

    @property
    def next_token(self) -> bool:
        """Whether the loss is that of each next token (SFT, pre-training), and not of a whole answer."""
        return self.type in NEXT_TOKEN_OBJECTIVES

    @property
    def pairs(self) -> bool:
        """Whether a row is a better and a worse answer."""
        return self.type in PAIRED_OBJECTIVES

    @property
    def compares(self) -> bool:
        """Whether the policy is compared with a reference model."""
        return self.type in ("dpo", "kto", "grpo") or self.kl_weight is not None

    @property
    def chat(self) -> bool:
        """Whether rows are conversations rather than plain text."""
        return self.type != "pretrain"


@dataclass(frozen=True)
class Plan:
    """One recipe, resolved for one backend."""

    name: str
    recipe_hash: str
    backend: str
    backend_version: str
    model: ModelPlan
    data: DataPlan
    chat: ChatPlan
    objective: ObjectivePlan
    method: MethodPlan
    quantization: QuantizationPlan
    training: TrainingPlan
    hardware: HardwarePlan
    output: OutputPlan
    tracking: TrackingPlan
    run: RunPlan
    set_fields: frozenset[str] = frozenset()
    """Dotted paths of the fields that the person wrote."""
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    allow: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    base: str = "."
    """The recipe's folder, seen from the folder that the files are written to."""

    @property
    def parts(self) -> dict[str, object]:
        """Its parts by name, from `model` to `run`."""
        return {one.name: part for one in fields(self) if is_dataclass(part := getattr(self, one.name))}

    @property
    def counts_steps(self) -> bool:
        """Whether the steps of its epochs follow from the number of rows: not where rows are packed or split."""
        h, t = self.hardware, self.training
        return can_count_steps(self.objective, self.data, h, packing=t.packing) and t.steps is None


def can_count_steps(objective: ObjectivePlan, data: DataPlan, hardware: HardwarePlan, *, packing: bool) -> bool:
    """Whether an epoch has as many steps as its rows fill batches."""
    whole = hardware.tensor_parallel * hardware.context_parallel == 1 and not hardware.megatron
    return whole and not packing and not data.streaming and objective.type != "grpo"
