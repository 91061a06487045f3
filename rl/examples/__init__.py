"""Which judged samples become training examples: preference pairs, completions to keep, and hints for what failed."""
