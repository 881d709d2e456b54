#!/usr/bin/env bash
# qlora-fsdp-32b: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 37509ba2075017f7; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-2 <<< "${CUDA_VISIBLE_DEVICES:-0,1}")"
export NNODES=1 NPROC_PER_NODE=2

python compiled/qlora-fsdp-32b/ms-swift/rows/__main__.py compiled/qlora-fsdp-32b/ms-swift/rows.json
exec swift sft compiled/qlora-fsdp-32b/ms-swift/train.yaml "$@"
