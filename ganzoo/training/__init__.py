"""Training: `engine` plays the game, `state` keeps it, `tracking` shows it, `loop` runs it from start to finish."""
