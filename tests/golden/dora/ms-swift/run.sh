#!/usr/bin/env bash
# dora: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 93dd36013279d1a1; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
# ms-swift would spread the model over every GPU it sees
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}"

PYTHONPATH=compiled/dora/ms-swift python -m rows compiled/dora/ms-swift/rows.json
exec swift sft compiled/dora/ms-swift/train.yaml "$@"
