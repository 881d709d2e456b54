#!/usr/bin/env bash
# two-nodes-full: compiled by qwen-recipes 0.1.0 for Axolotl 0.21.0
# recipe ca0f0c8299bebaea; edit the recipe, not this file
# trained weights are held in float32
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../two-nodes-full.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export AXOLOTL_DO_NOT_TRACK=1
export TOKENIZERS_PARALLELISM=false
# The first of those that may be used, as many as the recipe trains on
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

: "${NODE_RANK:?set it to this host, counted from 0}" "${MASTER_ADDR:?set it to the address of host 0}"
export NODE_RANK MASTER_ADDR MASTER_PORT="${MASTER_PORT:-29500}"
# Host 0 prepares the rows; where the others see the same folder they wait for it, else each prepares its own.
export ROWS_NODES=2
# Axolotl's cache of tokenized rows does not notice that rows have changed.
rm -rf -- runs/two-nodes-full/rows/prepared
python "$here/rows/__main__.py" "$here/rows.json"

export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
# Where a plugin can't be imported, Axolotl logs a warning and trains without it: stop here instead.
python -c "import weights_dtype, trainer_plugin"
exec axolotl train runs/two-nodes-full/rows/train.yaml --launcher torchrun "$@" -- --nnodes 2 --nproc_per_node 8 --node_rank "$NODE_RANK" --master_addr "$MASTER_ADDR" --master_port "$MASTER_PORT"
