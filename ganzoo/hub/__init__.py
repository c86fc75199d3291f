"""Where checkpoints come from, and how they describe themselves."""
