"""What it runs on: ranks, memory, PETSc, compiled loops, files and streams. Imports nothing of the model."""
