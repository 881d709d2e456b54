"""Four things that go wrong without a word, each run: what happens left alone, and what `recipes` says and does."""
