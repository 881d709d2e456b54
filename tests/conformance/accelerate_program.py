"""What `accelerate launch` makes of command lines: run by a framework's interpreter, on a JSON list on stdin.

accelerate's own parser reads the words and the config file, torch's launcher what accelerate hands to it, and
accelerate's plugin for FSDP the variables that each process gets. Nothing is started.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

VARIABLES = ("ACCELERATE_", "FSDP_")
SHARDING = ("fsdp_version", "reshard_after_forward", "cpu_ram_efficient_loading", "transformer_cls_names_to_wrap")


def read_launch(words: list[str]) -> dict[str, Any]:
    """Processes, hosts, the script, and the variables of each process."""
    launch, launcher = import_module("accelerate.commands.launch"), import_module("torch.distributed.run")
    args, _, _ = launch._validate_launch_command(launch.launch_command_parser().parse_args(words))
    variables = launch.prepare_multi_gpu_env(args)
    rest = ["--training_script", args.training_script, "--training_script_args", args.training_script_args]
    config, _, command = launcher.config_from_args(launch._filter_args(args, launcher.get_args_parser(), rest))
    return {
        "mixed_precision": args.mixed_precision,
        "processes": config.nproc_per_node,
        "nodes": config.min_nodes,
        "node": int(config.rdzv_configs.get("rank", 0)),
        "address": config.rdzv_endpoint,
        "script": command[command.index("-u") + 1 :] if "-u" in command else command,
        "sharding": read_sharding(variables) if args.use_fsdp else None,
    }


def read_sharding(variables: dict[str, str]) -> dict[str, Any]:
    """What the plugin for FSDP reads from the variables."""
    os.environ.update({name: value for name, value in variables.items() if name.startswith(VARIABLES)})
    plugin = import_module("accelerate.utils").FullyShardedDataParallelPlugin()
    found = {name: getattr(plugin, name) for name in SHARDING}
    return {**found, "offload": type(plugin.cpu_offload).__name__ == "CPUOffloadPolicy"}


def main() -> None:
    print(json.dumps([read_launch(words) for words in json.load(sys.stdin)], default=str))


if __name__ == "__main__":
    main()
