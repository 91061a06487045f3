"""Builds rewards from a config: the mix that it names, and rewards from the user's functions."""
