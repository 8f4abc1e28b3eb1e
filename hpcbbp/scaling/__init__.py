"""From records to curves."""
