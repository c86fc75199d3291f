"""Measures of a generator: `report.measure` takes all of them."""
