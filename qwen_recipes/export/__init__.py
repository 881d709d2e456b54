"""After training: adapters merged into their base model, or into one another."""
