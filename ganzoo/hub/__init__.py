"""Where checkpoints come from, where they go, and how they describe themselves."""
