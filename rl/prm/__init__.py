"""Process reward models: labels for steps, training, and evaluation."""
