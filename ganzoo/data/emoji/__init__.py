"""Emoji: the drawings, rendered once, their captions, and the data sets made of them."""
