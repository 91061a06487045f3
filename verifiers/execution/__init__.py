"""Runs programs that a model wrote: tests, comparison of results, and the sandbox."""
