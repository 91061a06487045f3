"""Arithmetic in running text: tokens, exact expressions, equations, quantities, and programs of operations."""
