"""Finite N on average, over sampled projections."""
