#!/usr/bin/env bash
# simpo: compiled by qwen-recipes 0.1.0 for ms-swift 4.6.0
# recipe 5f13fee942ed6ff1; edit the recipe, not this file
# trained weights are held in float32
# adapter scale 2 (alpha/rank = 32/16)
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../simpo.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: ms-swift would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

python "$here/rows/__main__.py" "$here/rows.json"
exec swift rlhf runs/simpo/rows/train.yaml "$@"
