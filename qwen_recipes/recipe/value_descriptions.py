"""What each value of a closed choice means, in a line: shown by editors in completion and hover.

By the field's dotted path, `[]` for list positions. The short form of a part (`method: qlora`) has the words of the
field that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_TRACKER_DESCRIPTIONS: dict[object, str] = {
    "none": "No tracker.",
    "tensorboard": "TensorBoard event files in the output folder.",
    "wandb": "Weights & Biases.",
    "mlflow": "MLflow.",
    "swanlab": "SwanLab.",
    "trackio": "Trackio, which stores metrics on this machine.",
}

VALUE_DESCRIPTIONS: dict[str, dict[object, str]] = {
    "version": {1: "The only version."},
    "stages[].merge.into": {
        "base": "The model's own weights, in 16 bits.",
        "dequantized": "The weights as the quantized base had them while the adapter was trained.",
        "adapter": "One adapter, and no model.",
    },
    "stages[].merge.combine": {
        "cat": "The weighted sum of the updates, exactly; its rank is the sum of the ranks.",
        "linear": "Weighted sums of the factors A and of B, which is not the sum of the updates. Needs equal ranks. "
        "For models: the mean of their weights.",
        "svd": "The best approximation of the weighted sum at a given rank.",
        "ties": "Like `linear`, but with only the largest values whose signs agree (TIES). Needs equal ranks.",
        "dare_linear": "Like `linear`, but with randomly kept, rescaled values (DARE). Needs equal ranks.",
        "dare_ties": "Like `ties`, but with randomly kept, rescaled values. Needs equal ranks.",
        "slerp": "For two models: spherical interpolation of each weight.",
        "task_arithmetic": "For models: what each learned, added to their common base.",
    },
    "stages[].merge.dtype": {"bfloat16": "16 bits.", "float32": "32 bits."},
    "data.train[].format": {
        "messages": "`messages`: a list of maps with `role` and `content`, as in OpenAI's API.",
        "sharegpt": "`conversations`: a list of maps with `from` and `value`.",
        "alpaca": "`instruction`, `input` (may be empty) and `output`.",
        "prompt-completion": "`prompt` and `completion`; loss on the completion.",
        "text": "`text`, trained on as it is.",
        "preference": "`prompt`, `chosen` and `rejected`.",
        "kto": "`prompt`, `completion` and `label`, true for good completions.",
        "prompt": "`prompt`, as text or messages; other columns are passed to the reward functions.",
    },
    "data.train[].roles.*": {
        "system": "The system message.",
        "user": "The user's turn.",
        "assistant": "The model's turn, in the loss by `chat.train_on`.",
        "tool": "The result of a tool call.",
    },
    "data.train[].encoding": {
        "utf-8": "UTF-8, with or without a byte order mark.",
        "utf-16": "UTF-16 with a byte order mark.",
        "utf-16-le": "UTF-16, little-endian, without a byte order mark.",
        "utf-16-be": "UTF-16, big-endian, without a byte order mark.",
        "latin-1": "ISO 8859-1: Western European.",
        "cp1252": "Western European (Windows).",
        "cp1251": "Cyrillic (Windows).",
        "koi8-r": "Russian (older Unix systems).",
        "gb18030": "Simplified Chinese, including GBK and GB2312.",
        "big5": "Traditional Chinese.",
        "shift_jis": "Japanese (Windows).",
        "euc-jp": "Japanese (Unix).",
        "euc-kr": "Korean.",
    },
    "data.train[].prompt_style": {
        "plain": "The instruction, and the input on the next line.",
        "alpaca": "The original Alpaca prompt: `Below is an instruction …`, `### Instruction:`, `### Response:`.",
    },
    "chat.train_on": {
        "assistant": "Loss on every assistant turn.",
        "last-assistant": "Loss on the last assistant message only.",
        "all": "Loss on every token, including the user's.",
    },
    "chat.turns": {
        "split": "One example per user query if earlier reasoning would be removed, rendered as at inference.",
        "together": "One example; earlier turns are trained without the reasoning that the template removes.",
        "last": "One example; loss on the answer to the last query, tool steps included.",
    },
    "chat.encoding": {
        "native": "The framework tokenizes the text of the official template.",
        "exact": "`recipes` passes token ids and labels, identical for every framework.",
    },
    "chat.thinking": {
        "auto": "Empty think blocks are not in the loss.",
        "train-empty": "Empty think blocks are in the loss: the model learns not to reason.",
    },
    "method.type": {
        "full": "All weights are trained.",
        "freeze": "Only the last decoder layers are trained.",
        "lora": "LoRA adapter on a 16-bit base.",
        "dora": "DoRA adapter, which trains magnitude and direction separately.",
        "qlora": "LoRA adapter on a 4-bit base.",
        "qdora": "DoRA adapter on a 4-bit base.",
    },
    "method.variant": {
        "plain": "Plain LoRA.",
        "dora": "Magnitude and direction are trained separately.",
        "pissa": "Initialized from the principal components of the weights.",
    },
    "method.targets": {
        "all-linear": "Every linear layer of the decoder except the output head; attention only in mixtures of experts."
    },
    "method.targets[]": {
        "q_proj": "Attention: queries.",
        "k_proj": "Attention: keys.",
        "v_proj": "Attention: values.",
        "o_proj": "Attention: output.",
        "gate_proj": "MLP: gate.",
        "up_proj": "MLP: up.",
        "down_proj": "MLP: down.",
    },
    "method.rslora": {"auto": "Plain LoRA: alpha/rank."},
    "method.modules_to_save[]": {
        "embed_tokens": "Input embeddings.",
        "lm_head": "Output head; tied to the embeddings in models up to 4B.",
    },
    "quantization.bits": {4: "4 bits per weight: QLoRA.", 8: "8 bits per weight: LLM.int8()."},
    "quantization.type": {
        "nf4": "NormalFloat, made for normally distributed weights.",
        "fp4": "4-bit floating point.",
    },
    "quantization.storage": {
        "auto": "bf16 if the weights are sharded, else uint8.",
        "uint8": "Bytes; cannot be sharded.",
        "bf16": "Packed into bfloat16 tensors, which FSDP and ZeRO-3 can shard.",
    },
    "objective.type": {
        "pretrain": "Next-token loss on plain text.",
        "sft": "Next-token loss on the turns in `chat.train_on`.",
        "dpo": "Prefer the chosen answer of a pair, with a reference model.",
        "orpo": "Next-token loss of the chosen answer, and an odds-ratio penalty for the rejected one.",
        "simpo": "Prefer the chosen answer by average log-probability and a margin; no reference model.",
        "kto": "Single answers labelled good or bad.",
        "reward": "A reward model, trained on preference pairs.",
        "grpo": "Reinforcement learning with reward functions, compared within a group of answers.",
        "ppo": "Proximal policy optimization with a reward model; not supported by any framework here.",
    },
    "objective.loss": {
        "sigmoid": "Original DPO loss.",
        "hinge": "Hinge loss on the margin (SLiC).",
        "ipo": "Squared distance to a fixed margin: overfits less.",
        "robust": "Robust DPO, for wrongly labelled pairs.",
        "exo_pair": "EXO: reverse KL between policy and preference.",
        "nca_pair": "NCA: the likelihood of each answer on its own.",
        "bco_pair": "BCO: a binary classifier whose logit is the reward.",
        "sppo_hard": "SPPO with hard labels: towards a Nash equilibrium.",
        "aot": "AOT: alignment by optimal transport over the batch.",
        "apo_zero": "APO-zero: raises the chosen and lowers the rejected answer; for data better than the model.",
        "apo_down": "APO-down: lowers both, the rejected more; for a model better than the data.",
    },
    "objective.reference": {
        "start": "The model before training, with the adapter of `method.start_from`.",
        "base": "The model without the adapter of `method.start_from`.",
    },
    "objective.vllm": {
        "none": "The trained model samples.",
        "colocate": "vLLM samples on the training GPUs and shares their memory.",
        "server": "vLLM samples on the server named in `objective.vllm_server`.",
    },
    "training.overlong": {
        "drop": "Longer examples are dropped and counted.",
        "truncate": "Longer examples are truncated at the end.",
        "error": "The run stops before training.",
    },
    "training.scheduler": {
        "cosine": "Half a cosine, down to zero.",
        "cosine_with_min_lr": "Half a cosine, down to `min_learning_rate` or `min_learning_rate_ratio`.",
        "cosine_with_restarts": "A cosine with restarts at the peak.",
        "linear": "Linear, down to zero.",
        "polynomial": "Polynomial, down to near zero.",
        "constant": "Constant from the first step.",
        "warmup_stable_decay": "Constant after warmup, then linear decay over the last `decay_ratio` of the run.",
        "constant_with_warmup": "Constant after warmup.",
        "inverse_sqrt": "Decays with the inverse square root of the step.",
    },
    "training.optimizer": {
        "adamw_torch": "PyTorch's AdamW.",
        "adamw_torch_fused": "PyTorch's fused AdamW: same results, faster.",
        "adamw_8bit": "AdamW with 8-bit states (bitsandbytes): a quarter of the memory.",
        "paged_adamw_8bit": "8-bit AdamW; states move to host memory when the GPU is full.",
        "paged_adamw_32bit": "AdamW; states move to host memory when the GPU is full.",
        "adafactor": "Adafactor: factored second moment, little memory.",
        "lion_8bit": "Lion with 8-bit states; needs a lower learning rate than AdamW.",
        "lion_32bit": "Lion; needs a lower learning rate than AdamW.",
        "ademamix": "AdamW with a second, slower momentum.",
        "schedule_free_adamw": "AdamW with weight averaging instead of a schedule.",
        "galore_adamw": "GaLore: AdamW on gradients projected to `low_rank`, with states of that size.",
        "apollo_adamw": "APOLLO: gradients scaled by AdamW statistics in a random `low_rank` space.",
        "sgd": "Stochastic gradient descent.",
        "muon": "Muon: orthogonalized momentum for matrices.",
    },
    "training.precision": {
        "bf16": "bfloat16: the range of fp32; Ampere and newer GPUs.",
        "fp16": "Half precision with loss scaling; overflows with Qwen3 (QR401).",
        "fp32": "Single precision: slower, and twice the memory.",
    },
    "training.weights_dtype": {
        "float32": "float32 master weights; with AdamW 16 bytes per trained weight.",
        "bfloat16": "bfloat16, like AdamW's states: half the memory, but updates at small learning rates are "
        "lost (QR423).",
    },
    "training.gradient_checkpointing": {"offload": "Stored activations are moved to host memory."},
    "training.attention": {
        "auto": "PyTorch's sdpa, or for packing the attention that separates examples.",
        "sdpa": "PyTorch's scaled_dot_product_attention.",
        "eager": "Plain matrix products: slow, stores all scores.",
        "flash_attention_2": "FlashAttention 2; its package must be installed.",
        "flash_attention_3": "FlashAttention 3, on Hopper; its package must be installed.",
        "flash_attention_4": "FlashAttention 4, on Hopper and data-center Blackwell; its package must be installed.",
        "flex_attention": "PyTorch's flex_attention, compiled.",
    },
    "training.kernels": {
        "none": "No fused kernels.",
        "liger": "Liger: rotary embedding, RMSNorm, SwiGLU, and a loss that does not store all logits.",
        "cut-cross-entropy": "A loss that does not store all logits.",
        "lora": "Adapter and base fused in one kernel.",
    },
    "training.evaluate_every": {"epoch": "After each epoch."},
    "training.save_every": {
        "epoch": "After each epoch.",
        "never": "No checkpoints; only the trained weights at the end.",
    },
    "hardware.strategy": {
        "auto": "Chosen by model, method and GPUs.",
        "single": "One GPU.",
        "ddp": "Everything is replicated on each GPU.",
        "zero1": "DeepSpeed: optimizer states are sharded.",
        "zero2": "DeepSpeed: optimizer states and gradients are sharded.",
        "zero3": "DeepSpeed: optimizer states, gradients and weights are sharded.",
        "fsdp": "PyTorch's FSDP2: optimizer states, gradients and weights are sharded.",
        "fsdp1": "PyTorch's FSDP1.",
        "megatron": "Tensor, pipeline and expert parallelism of Megatron-Core.",
    },
    "sweep.search.sampler": {
        "tpe": "Tree-structured Parzen estimator.",
        "random": "Values at random.",
        "gp": "Gaussian process; needs PyTorch and SciPy.",
    },
    "sweep.search.pruner": {
        "none": "Every trial runs to its end.",
        "median": "Stops a trial that is worse than the median of the others at the same step.",
        "hyperband": "Stops all but the best at increasing numbers of steps.",
    },
    "sweep.goal": {"minimize": "Lower is better.", "maximize": "Higher is better."},
    "sweep.keep": {
        "best": "The best trial's weights.",
        "all": "Every trial's weights.",
        "none": "No weights; only records and curves.",
    },
    "hardware.prefer": {
        "speed": "The fastest settings whose memory fits by the estimate.",
        "memory": "Settings that leave memory free.",
    },
    "hardware.offload": {
        "none": "Everything stays on the GPUs.",
        "optimizer": "Optimizer states are kept in host memory.",
        "all": "Weights and optimizer states are kept in host memory.",
    },
    "hardware.device": {"cuda": "NVIDIA GPUs.", "cpu": "CPU, for trials with tiny models."},
    "tracking.to": _TRACKER_DESCRIPTIONS,
    "run.backend": {
        "axolotl": "Axolotl.",
        "llamafactory": "LLaMA-Factory.",
        "ms-swift": "ms-swift.",
        "trl": "TRL and PEFT.",
        "torchtune": "torchtune, at a git revision that has Qwen3; no longer maintained. SFT on one GPU.",
        "unsloth": "Unsloth's command line: SFT with adapters or full fine-tuning on one GPU.",
    },
}


def get_value_descriptions(path: str, values: Sequence[object]) -> Mapping[object, str]:
    """What `values` mean at a field: its own words, its list's, those of the field it is short for, or none."""
    if not path.startswith(("stages[].merge", "stages[].name")):
        path = path.removeprefix("stages[].")
    path = re.sub(r"^data\.(train|validation)(\[\])?\.", "data.train[].", path)
    plain = path.removesuffix("[]")
    inner = [key for key in VALUE_DESCRIPTIONS if key.rpartition(".")[0] == plain]
    for key in (path, plain, f"{plain}[]", *inner):
        if any(value in VALUE_DESCRIPTIONS.get(key, {}) for value in values):
            return VALUE_DESCRIPTIONS[key]
    return {}
