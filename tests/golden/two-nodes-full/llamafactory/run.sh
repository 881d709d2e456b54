#!/usr/bin/env bash
# two-nodes-full: compiled by qwen-recipes 0.1.0 for LLaMA-Factory 0.9.5
# recipe ca0f0c8299bebaea; edit the recipe, not this file
# trained weights are held in float32
# Needs the environment's bin folder on PATH: `recipes run` sees to it, as does `source ENVIRONMENT/bin/activate`.
# Arguments go to the framework: `recipes run --resume` names the checkpoint so.
set -euo pipefail
recipe=../../../two-nodes-full.yaml
here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd -P "$here/$(dirname -- "$recipe")"

export TOKENIZERS_PARALLELISM=false
unset USE_V1 ALLOW_EXTRA_ARGS
# The first of those that may be used: LLaMA-Factory would start a process for each
export CUDA_VISIBLE_DEVICES="$(cut -d, -f1-8 <<< "${CUDA_VISIBLE_DEVICES:-0,1,2,3,4,5,6,7}")"
# Memory that one batch frees serves the next, whatever its shape
[ -n "${PYTORCH_CUDA_ALLOC_CONF:-}" ] || export PYTORCH_ALLOC_CONF="${PYTORCH_ALLOC_CONF:-expandable_segments:True}"

: "${NODE_RANK:?set it to this host, counted from 0}" "${MASTER_ADDR:?set it to the address of host 0}"
export NODE_RANK MASTER_ADDR MASTER_PORT="${MASTER_PORT:-29500}"
# Host 0 prepares the rows; where the others see the same folder they wait for it, else each prepares its own.
export ROWS_NODES=2
# With an id LLaMA-Factory would meet by c10d, which ignores NODE_RANK.
unset RDZV_ID
python "$here/rows/__main__.py" "$here/rows.json"

exec accelerate launch --config_file "$here/fsdp.yaml" --machine_rank "$NODE_RANK" --main_process_ip "$MASTER_ADDR" --main_process_port "$MASTER_PORT" -m llamafactory.launcher runs/two-nodes-full/rows/train.yaml "$@"
