"""Words: a caption as a tensor, words as vectors, the caption encoder and its measures."""
