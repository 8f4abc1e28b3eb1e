"""N = infinity: averages, bulk, outlier, transition, density, phase diagram."""
