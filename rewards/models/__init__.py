"""The model layer: loads models and tokenizers and runs them, for the rewards and for everything in `rl`."""
