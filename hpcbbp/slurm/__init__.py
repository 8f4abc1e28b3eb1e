"""Job scripts for campaigns: what they ask for, and their text."""
