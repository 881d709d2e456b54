#!/usr/bin/env bash
# megatron-moe: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 4b7d70cb6bcc21ed; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
export NNODES=2 NPROC_PER_NODE=8
: "${NODE_RANK:?set it to this host, counted from 0}" "${MASTER_ADDR:?set it to the address of host 0}"
export NODE_RANK MASTER_ADDR MASTER_PORT="${MASTER_PORT:-29500}"
# Host 0 prepares the rows; where the others see the same folder they wait for it, else each prepares its own.
export ROWS_NODES=2

PYTHONPATH=compiled/megatron-moe/ms-swift python -m rows compiled/megatron-moe/ms-swift/rows.json
exec megatron sft compiled/megatron-moe/ms-swift/train.yaml "$@"
