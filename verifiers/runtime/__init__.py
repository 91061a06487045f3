"""Runs verifiers over rows: columns and options, killable workers, files of rows, and the self-check."""
