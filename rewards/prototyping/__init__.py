"""Rewards on saved completions, without training: scores, tables, plots, marked steps, adversarial completions."""
