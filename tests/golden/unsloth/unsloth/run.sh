#!/usr/bin/env bash
# unsloth: compiled by qwen-recipes 0.1.0 for Unsloth 2026.10.9
# recipe e8fdda9511648c08; edit the recipe, not this file
# trained weights are held in float32
# adapter scale 2 (alpha/rank = 32/16)
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
set -euo pipefail
recipe=../../../unsloth.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
# The first of those that may be used: Unsloth would spread the model over all
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"

python "$here/rows/__main__.py" "$here/rows.json"

# Unsloth writes to `outputs` of its own folder only, and would also keep downloads there.
output="$(realpath -m -- runs/unsloth)"
export HF_HOME="${HF_HOME:-$HOME/.cache/huggingface}" UNSLOTH_STUDIO_HOME="$output/studio"
mkdir -p "$UNSLOTH_STUDIO_HOME"
ln -sfn .. "$UNSLOTH_STUDIO_HOME/outputs"

unsloth train --config runs/unsloth/rows/train.yaml --output-dir "$output"
# Unsloth saves the template of its own copy of the model (unsloth#3383); the adapter is served by the official one.
cp runs/unsloth/rows/chat_template.jinja "$output/chat_template.jinja"
