#!/usr/bin/env bash
# one-24gb-card: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 3af254228ce0fc19; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"

python compiled/one-24gb-card/ms-swift/rows/__main__.py compiled/one-24gb-card/ms-swift/rows.json
exec swift sft compiled/one-24gb-card/ms-swift/train.yaml "$@"
