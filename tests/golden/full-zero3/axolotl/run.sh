#!/usr/bin/env bash
# full-zero3: compiled by qwen-recipes 0.1.0 for Axolotl 0.21.0
# recipe 0e16be1544c1fb07; edit the recipe, not this file
# trained weights are held in float32
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../full-zero3.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export AXOLOTL_DO_NOT_TRACK=1
export TOKENIZERS_PARALLELISM=false
# The first of those that may be used, as many as the recipe trains on
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

# Axolotl's cache of tokenized rows does not notice that rows have changed.
rm -rf -- runs/full-zero3/rows/prepared
python "$here/rows/__main__.py" "$here/rows.json"

export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
# Where a plugin can't be imported, Axolotl logs a warning and trains without it: stop here instead.
python -c "import trainer_plugin"
exec axolotl train runs/full-zero3/rows/train.yaml --launcher torchrun "$@" -- --nnodes 1 --nproc_per_node 8
