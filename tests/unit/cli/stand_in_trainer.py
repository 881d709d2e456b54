"""A stand-in for a framework at its trainer, and the recipe that runs in it."""

RECIPE = """\
version: 1
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
hardware: {gpu: a100-80gb}
run: {backend: axolotl, environment: env}
"""
ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
FRAMEWORK = """\
#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys, time
if sys.argv[1] == "-c":
    print("0.21.0", "3.11", sys.argv[0].removesuffix("/bin/python"), sep="\\n")
    sys.exit()
if os.environ.get("HANG"):
    child = subprocess.Popen(["sleep", "600"])
    pathlib.Path(os.environ["HANG"]).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
for case in map(json.loads, map(pathlib.Path.read_text, map(pathlib.Path, sys.argv[4:]))):
    pathlib.Path(case["out"]).write_text(os.environ["OBSERVATION"])
"""
