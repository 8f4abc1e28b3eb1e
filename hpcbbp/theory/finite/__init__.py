"""Finite N: one sample's own prediction from its projections, and averages of it."""
