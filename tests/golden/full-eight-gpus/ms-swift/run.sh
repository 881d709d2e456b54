#!/usr/bin/env bash
# full-eight-gpus: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 05dd4986ea9daf61; edit the recipe, not this file
# trained weights are held in float32
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../full-eight-gpus.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"
export NNODES=1 NPROC_PER_NODE=8

python "$here/rows/__main__.py" "$here/rows.json"
exec swift sft runs/full-eight-gpus/rows/train.yaml "$@"
