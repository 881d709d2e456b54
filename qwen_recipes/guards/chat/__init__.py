"""QR3xx: tokenizer, chat template and loss mask."""
