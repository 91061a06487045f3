"""Training in rounds: sample, judge, choose examples, fit, evaluate, and repeat."""
