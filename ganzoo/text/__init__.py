"""Captions as tensors, words as vectors, and the captions nearest to a query."""
