"""One recipe, one curve: the same recipe trained by the frameworks, and what they do when left to themselves."""
