"""GPUs: what the makers' data sheets say of them, and the names that people and drivers use."""
