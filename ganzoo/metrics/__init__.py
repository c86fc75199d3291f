"""Measures of a generator: `measure.measure` takes all of them."""
