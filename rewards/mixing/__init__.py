"""Several rewards as one: the mix, how values are aggregated, weights over time, and a time limit on each reward."""
