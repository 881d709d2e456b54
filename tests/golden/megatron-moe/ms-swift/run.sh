#!/usr/bin/env bash
# megatron-moe: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe d117044f86e99e5e; edit the recipe, not this file
# trained weights are held in float32
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../megatron-moe.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"
export NNODES=2 NPROC_PER_NODE=8
: "${NODE_RANK:?set it to this host, counted from 0}" "${MASTER_ADDR:?set it to the address of host 0}"
export NODE_RANK MASTER_ADDR MASTER_PORT="${MASTER_PORT:-29500}"
# Host 0 prepares the rows; where the others see the same folder they wait for it, else each prepares its own.
export ROWS_NODES=2

python "$here/rows/__main__.py" "$here/rows.json"
exec megatron sft runs/megatron-moe/rows/train.yaml "$@"
