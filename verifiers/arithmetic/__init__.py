"""Arithmetic in running text: tokens, exact expressions, equations, and programs of operations."""
