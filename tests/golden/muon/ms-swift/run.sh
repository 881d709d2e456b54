#!/usr/bin/env bash
# muon: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 35a79a72e1c14bb2; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
# ms-swift would spread the model over every GPU it sees
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}"

PYTHONPATH=compiled/muon/ms-swift python -m rows compiled/muon/ms-swift/rows.json
exec swift sft compiled/muon/ms-swift/train.yaml
