#!/usr/bin/env bash
# support-rank-16: compiled by qwen-recipes 0.1.0 for Axolotl 0.21.0
# recipe 5d95913fa0ff152e; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export AXOLOTL_DO_NOT_TRACK=1
export TOKENIZERS_PARALLELISM=false
# The first of those that may be used, as many as the recipe trains on
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"

# Axolotl's cache of tokenized rows does not notice that rows have changed.
rm -rf runs/support-rank-16/rows/prepared
PYTHONPATH=compiled/tracked-run/axolotl python -m rows compiled/tracked-run/axolotl/rows.json

exec axolotl train compiled/tracked-run/axolotl/train.yaml --launcher python "$@"
