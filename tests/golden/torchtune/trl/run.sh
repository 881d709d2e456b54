#!/usr/bin/env bash
# torchtune: compiled by qwen-recipes 0.1.0 for TRL 1.16.0
# recipe 479f6cbce7339c82; edit the recipe, not this file
# trained weights are held in bfloat16
# adapter scale 2 (alpha/rank = 32/16)
# QR423 is allowed: torchtune holds the adapter in the precision of the model
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../torchtune.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: TRL would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

python "$here/rows/__main__.py" "$here/rows.json"

# trainer_plugin.py runs the script of `trl sft`, with what its command line leaves out.
exec python "$here/trainer_plugin.py" sft --weights_dtype bfloat16 --config runs/torchtune/rows/train.yaml "$@"
