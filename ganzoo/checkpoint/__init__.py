"""A trained model in a folder: the same on disk, in the Hub and in the cache."""
