"""`recipes lsp`: what `recipes lint` and `recipes explain` know, in an editor, of text that is not saved yet."""
