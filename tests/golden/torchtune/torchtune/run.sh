#!/usr/bin/env bash
# torchtune: compiled by qwen-recipes 0.1.0 for torchtune 0.7.0+bd2a0fc7c
# recipe 479f6cbce7339c82; edit the recipe, not this file
# trained weights are held in bfloat16
# adapter scale 2 (alpha/rank = 32/16)
# QR423 is allowed: torchtune holds the adapter in the precision of the model
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# torchtune has to be its git revision bd2a0fc7c: no release has Qwen3.
set -euo pipefail
recipe=../../../torchtune.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-1 <<< "${CUDA_VISIBLE_DEVICES:-0}")"

python "$here/rows/__main__.py" "$here/rows.json"

base=runs/torchtune/base
hf download Qwen/Qwen3-4B-Instruct-2507 --local-dir "$base"
files="$(cd "$base" && printf '%s,' *.safetensors)"

export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
tune run lora_finetune_single_device --config runs/torchtune/rows/train.yaml "checkpointer.checkpoint_files=[${files%,}]"
# torchtune saves to a folder of its epoch
cp -R runs/torchtune/epoch_0/. runs/torchtune
