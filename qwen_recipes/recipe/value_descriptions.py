"""What each value of a closed choice means, in a line: shown by editors in completion and hover.

By the field's dotted path, `[]` for list positions. The short form of a part (`method: qlora`) has the words of the
field that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_TRACKER_DESCRIPTIONS: dict[object, str] = {
    "none": "Nothing records the curves.",
    "tensorboard": "TensorBoard event files in the output folder.",
    "wandb": "Weights & Biases.",
    "mlflow": "MLflow.",
    "swanlab": "SwanLab.",
    "trackio": "Trackio, which keeps its records on this machine.",
}

VALUE_DESCRIPTIONS: dict[str, dict[object, str]] = {
    "version": {1: "The only version there is."},
    "data.train[].format": {
        "messages": "`messages`: a list of maps with `role` and `content`, as in OpenAI's API.",
        "sharegpt": "`conversations`: a list of maps with `from` and `value`.",
        "alpaca": "`instruction`, `input` (may be empty) and `output`.",
        "prompt-completion": "`prompt` and `completion`; loss on the completion.",
        "text": "`text`, trained on as it stands.",
        "preference": "`prompt`, `chosen` and `rejected`.",
        "kto": "`prompt`, `completion` and `label`, true where the completion is good.",
        "prompt": "`prompt`, as text or messages; other columns are handed to the rewards.",
    },
    "data.train[].roles.*": {
        "system": "The system message.",
        "user": "The user's turn.",
        "assistant": "The model's turn, in the loss unless `chat.train_on` says otherwise.",
        "tool": "The result of a tool call.",
    },
    "data.train[].encoding": {
        "utf-8": "UTF-8, with or without a byte order mark.",
        "utf-16": "UTF-16 with a byte order mark.",
        "utf-16-le": "UTF-16, little-endian, without a byte order mark.",
        "utf-16-be": "UTF-16, big-endian, without a byte order mark.",
        "latin-1": "ISO 8859-1: Western European, one byte a character.",
        "cp1252": "Windows Western European.",
        "cp1251": "Windows Cyrillic.",
        "koi8-r": "Russian, as older Unix systems write it.",
        "gb18030": "Simplified Chinese; reads GBK and GB2312 too.",
        "big5": "Traditional Chinese.",
        "shift_jis": "Japanese, as older Windows systems write it.",
        "euc-jp": "Japanese, as older Unix systems write it.",
        "euc-kr": "Korean.",
    },
    "data.train[].prompt_style": {
        "plain": "The instruction, and the input on the next line.",
        "alpaca": "Alpaca's own prompt: `Below is an instruction …`, `### Instruction:`, `### Response:`.",
    },
    "chat.train_on": {
        "assistant": "Loss on every turn of the assistant.",
        "last-assistant": "Loss on the assistant's last turn only.",
        "all": "Loss on every token, the user's too.",
    },
    "chat.turns": {
        "split": "One example for each user query where earlier reasoning would be lost, rendered as it is served.",
        "together": "One example; earlier turns are trained without the reasoning that the template takes out.",
        "last": "One example; loss on what answers the last query, tool steps included.",
    },
    "chat.encoding": {
        "native": "The framework makes tokens and labels of the official text.",
        "exact": "Ids and labels are made beforehand, the same for every framework.",
    },
    "chat.thinking": {
        "auto": "The empty think block carries no loss.",
        "train-empty": "The empty think block is trained too: the model learns not to think.",
    },
    "method.type": {
        "full": "Every weight is trained.",
        "freeze": "Only the last decoder layers are trained, the others stay as they are.",
        "lora": "A low-rank adapter on a base in 16 bits.",
        "dora": "LoRA that learns magnitude and direction apart.",
        "qlora": "LoRA on a base stored in 4 bits.",
        "qdora": "DoRA on a base stored in 4 bits.",
    },
    "method.variant": {
        "plain": "LoRA as published.",
        "dora": "Magnitude and direction are learnt apart.",
        "pissa": "The adapter starts from the principal components of the weights.",
    },
    "method.targets": {
        "all-linear": "Every linear layer of the decoder but the output head; of a mixture of experts the router not."
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
        "lm_head": "Output head; the same weights as the embeddings in the small models.",
    },
    "quantization.bits": {4: "4 bits a weight: QLoRA.", 8: "8 bits a weight: LLM.int8()."},
    "quantization.type": {
        "nf4": "Normal float: made for weights that are distributed normally.",
        "fp4": "Plain 4-bit float.",
    },
    "quantization.storage": {
        "auto": "bf16 where the weights are sharded, else uint8.",
        "uint8": "Bytes; can't be sharded.",
        "bf16": "Packed into bfloat16 tensors, which FSDP and ZeRO-3 can shard.",
    },
    "objective.type": {
        "pretrain": "Next token of plain text.",
        "sft": "Next token of the turns that `chat.train_on` names.",
        "dpo": "Prefer the chosen answer of a pair, held to a reference model.",
        "orpo": "Next token of the chosen answer, with an odds-ratio penalty for the rejected; no reference model.",
        "simpo": "Prefer the chosen answer by average log-probability and a margin; no reference model.",
        "kto": "Answers labelled good or bad, one by one.",
        "reward": "A model that scores answers, from pairs.",
        "grpo": "Rewards of a function of yours, compared within a group of completions.",
        "ppo": "Rewards of a reward model, by proximal policy optimisation.",
    },
    "objective.loss": {
        "sigmoid": "DPO as published.",
        "hinge": "Hinge loss on the margin (SLiC).",
        "ipo": "Squared distance to a fixed margin: overfits less.",
        "robust": "Unbiased where some pairs are labelled wrongly.",
        "exo_pair": "EXO: reverse KL between policy and preference.",
        "nca_pair": "NCA: the likelihood of each answer on its own.",
        "bco_pair": "BCO: a binary classifier whose logit is the reward.",
        "sppo_hard": "SPPO with hard labels: towards a Nash equilibrium.",
        "aot": "Alignment by optimal transport, over the batch's distribution.",
        "apo_zero": "APO-zero: the chosen up and the rejected down, for data better than the model.",
        "apo_down": "APO-down: both down, the rejected further, for a model better than the data.",
    },
    "objective.reference": {
        "start": "The model as training finds it, with the adapter that it starts from.",
        "base": "The model without the adapter of `method.start_from`.",
    },
    "objective.vllm": {
        "none": "The model that is trained samples by itself.",
        "colocate": "vLLM samples on the GPUs that train, and shares their memory.",
        "server": "vLLM samples on a server that you start; `objective.vllm_server` says where.",
    },
    "training.overlong": {
        "drop": "Rows that are longer are left out, and counted.",
        "truncate": "Rows that are longer are cut at the end.",
        "error": "The run stops before it starts.",
    },
    "training.scheduler": {
        "cosine": "Half a cosine, down to zero.",
        "cosine_with_min_lr": "Half a cosine, down to `min_learning_rate` or `min_learning_rate_ratio`.",
        "cosine_with_restarts": "A cosine that starts again at the peak.",
        "linear": "A straight line down to zero.",
        "polynomial": "A polynomial down to near zero.",
        "constant": "The peak throughout, from the first step.",
        "warmup_stable_decay": "The peak after warmup, and a straight fall over the last `decay_ratio` of the run.",
        "constant_with_warmup": "The peak throughout, after warmup.",
        "inverse_sqrt": "Falls with the square root of the step.",
    },
    "training.optimizer": {
        "adamw_torch": "AdamW of PyTorch.",
        "adamw_torch_fused": "AdamW of PyTorch in one kernel: the same numbers, faster.",
        "adamw_8bit": "AdamW with its state in 8 bits (bitsandbytes): a quarter of the memory.",
        "paged_adamw_8bit": "8-bit AdamW whose state may move to host memory.",
        "paged_adamw_32bit": "AdamW whose state may move to host memory.",
        "adafactor": "Second moment kept as rows and columns: little memory.",
        "lion_8bit": "Lion with its state in 8 bits: the sign of the momentum; wants a smaller learning rate.",
        "lion_32bit": "Lion: the sign of the momentum; wants a smaller learning rate.",
        "ademamix": "AdamW with a second, slower momentum.",
        "schedule_free_adamw": "AdamW that averages its weights instead of lowering the learning rate.",
        "galore_adamw": "AdamW on gradients projected to `low_rank`: its state is as small.",
        "apollo_adamw": "Gradients scaled by what AdamW would do in a random `low_rank` space.",
        "sgd": "Stochastic gradient descent.",
        "muon": "Momentum made orthogonal, for matrices.",
    },
    "training.precision": {
        "bf16": "bfloat16: the range of fp32; GPUs from Ampere on.",
        "fp16": "half precision with loss scaling, for GPUs without bfloat16.",
        "fp32": "single precision: slow, and twice the memory.",
    },
    "training.weights_dtype": {
        "float32": "float32 (master weights): small updates add up; with AdamW 16 bytes for each trained weight.",
        "bfloat16": "bfloat16, as are AdamW's states: half the memory, but updates at small learning rates are "
        "rounded away (QR423).",
    },
    "training.gradient_checkpointing": {"offload": "What is kept of the activations lies in host memory."},
    "training.attention": {
        "auto": "The fastest that the GPU and the framework have.",
        "sdpa": "PyTorch's scaled_dot_product_attention.",
        "eager": "Plain matrix products: slow, holds all scores.",
        "flash_attention_2": "FlashAttention 2; its package must be installed.",
        "flash_attention_3": "FlashAttention 3, on Hopper; its package must be installed.",
        "flex_attention": "PyTorch's flex_attention, compiled.",
    },
    "training.kernels": {
        "none": "What the framework has without extra packages.",
        "liger": "Liger: rotary, RMSNorm, SwiGLU, and a loss that never holds all logits.",
        "cut-cross-entropy": "A loss that never holds all logits.",
        "lora": "Adapter and base in one kernel.",
    },
    "training.evaluate_every": {"epoch": "After each epoch."},
    "training.save_every": {"epoch": "After each epoch.", "never": "No checkpoint on the way: only the end is saved."},
    "hardware.strategy": {
        "auto": "Chosen for the model, the method and the GPUs.",
        "single": "One GPU.",
        "ddp": "A copy of everything on each GPU.",
        "zero1": "DeepSpeed: the optimizer's state is sharded.",
        "zero2": "DeepSpeed: optimizer and gradients are sharded.",
        "zero3": "DeepSpeed: optimizer, gradients and weights are sharded.",
        "fsdp": "PyTorch's FSDP2: optimizer, gradients and weights are sharded.",
        "fsdp1": "PyTorch's older FSDP.",
        "megatron": "Tensor, pipeline and expert parallelism of Megatron-Core.",
    },
    "hardware.offload": {
        "none": "Everything stays on the GPUs.",
        "optimizer": "The optimizer's state lies in host memory.",
        "all": "Weights lie in host memory too.",
    },
    "hardware.device": {"cuda": "NVIDIA GPUs.", "cpu": "No GPU: for trying things out."},
    "tracking.to": _TRACKER_DESCRIPTIONS,
    "run.backend": {
        "axolotl": "Axolotl.",
        "llamafactory": "LLaMA-Factory.",
        "ms-swift": "ms-swift.",
        "trl": "TRL and PEFT.",
    },
}


def get_value_descriptions(path: str, values: Sequence[object]) -> Mapping[object, str]:
    """What `values` mean at a field: its own words, its list's, those of the field it is short for, or none."""
    path = re.sub(r"^data\.(train|validation)(\[\])?\.", "data.train[].", path)
    plain = path.removesuffix("[]")
    inner = [key for key in VALUE_DESCRIPTIONS if key.rpartition(".")[0] == plain]
    for key in (path, plain, f"{plain}[]", *inner):
        if any(value in VALUE_DESCRIPTIONS.get(key, {}) for value in values):
            return VALUE_DESCRIPTIONS[key]
    return {}
