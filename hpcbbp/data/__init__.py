"""The data matrix X: one interface (base), several makers (stored, file)."""
