"""Reads an answer: finds it in a completion, cleans its text, and takes it apart into numbers and structures."""
