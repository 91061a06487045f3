"""A run from start to end: its setup, what happens beside the training steps, and the plan that `check` prints."""
