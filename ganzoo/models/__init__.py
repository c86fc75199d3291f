"""One file per paper. Read them in the order of `registry.MODELS`, which is the order of the story."""
