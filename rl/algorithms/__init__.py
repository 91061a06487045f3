"""One file an algorithm, with its equations; and what several of them share."""
