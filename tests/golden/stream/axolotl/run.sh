#!/usr/bin/env bash
# stream: compiled by qwen-recipes 0.1.0 for Axolotl 0.21.0
# recipe 268f3026eb227191; edit the recipe, not this file
# trained weights are held in float32
# adapter scale 2 (alpha/rank = 32/16)
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../stream.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export AXOLOTL_DO_NOT_TRACK=1
export TOKENIZERS_PARALLELISM=false
# The first of those that may be used, as many as the recipe trains on
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

# Axolotl's cache of tokenized rows does not notice that rows have changed.
rm -rf -- runs/stream/rows/prepared
python "$here/rows/__main__.py" "$here/rows.json"

exec axolotl train runs/stream/rows/train.yaml --launcher python "$@"
