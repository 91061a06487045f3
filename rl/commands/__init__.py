"""The commands of `whetstone`, by what they are for; `rl/cli.py` puts them together."""
