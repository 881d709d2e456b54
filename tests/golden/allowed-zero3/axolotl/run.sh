#!/usr/bin/env bash
# allowed-zero3: compiled by qwen-recipes 0.1.0 for Axolotl 0.21.0
# recipe c87b06e1ce055bb2; edit the recipe, not this file
# QR101 is allowed: measured on our cluster with DeepSpeed 0.19.8, works
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export AXOLOTL_DO_NOT_TRACK=1
export TOKENIZERS_PARALLELISM=false
# The first of those that may be used, as many as the recipe trains on
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"

# Axolotl's cache of tokenized rows does not notice that rows have changed.
rm -rf runs/allowed-zero3/rows/prepared
PYTHONPATH=compiled/allowed-zero3/axolotl python -m rows compiled/allowed-zero3/axolotl/rows.json

exec axolotl train compiled/allowed-zero3/axolotl/train.yaml --launcher torchrun "$@" -- --nnodes 1 --nproc_per_node 8
