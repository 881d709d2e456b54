#!/usr/bin/env bash
# two-gpus-lora: compiled by qwen-recipes 0.1.0 for LLaMA-Factory 0.9.5
# recipe d6eaa6cd892078c6; edit the recipe, not this file
# trained weights are held in float32
# adapter scale 2 (alpha/rank = 32/16)
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../two-gpus-lora.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
unset USE_V1 ALLOW_EXTRA_ARGS
# The first of those that may be used: LLaMA-Factory would start a process for each
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-2 <<< "${CUDA_VISIBLE_DEVICES:-0,1}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

python "$here/rows/__main__.py" "$here/rows.json"

export FORCE_TORCHRUN=1 NNODES=1 NPROC_PER_NODE=2
exec llamafactory-cli train runs/two-gpus-lora/rows/train.yaml "$@"
