"""What the documents say, beside the tables of instances in docs/results (make results)."""
