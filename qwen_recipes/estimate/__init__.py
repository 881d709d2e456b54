"""What a run costs: GPUs, memory, time."""
