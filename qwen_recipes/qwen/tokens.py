"""The control tokens of every Qwen3 tokenizer."""

END_OF_TURN = "<|im_end|>"
END_OF_TEXT = "<|endoftext|>"
