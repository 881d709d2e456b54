#!/usr/bin/env bash
# fp8: compiled by qwen-recipes 0.1.0 for LLaMA-Factory 0.9.5
# recipe ca138a8ac3a80187; edit the recipe, not this file
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")"/../../..

export TOKENIZERS_PARALLELISM=false
unset USE_V1 ALLOW_EXTRA_ARGS
# The first of those that may be used: LLaMA-Factory would start a process for each
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"

python compiled/fp8/llamafactory/rows/__main__.py compiled/fp8/llamafactory/rows.json

exec accelerate launch --config_file compiled/fp8/llamafactory/fsdp.yaml -m llamafactory.launcher compiled/fp8/llamafactory/train.yaml "$@"
