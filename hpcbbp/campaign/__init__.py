"""Many instances in one job: points, the loop over them, and what is kept of them."""
