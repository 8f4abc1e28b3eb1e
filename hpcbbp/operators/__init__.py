"""Symmetric operators on ranks, as PETSc shell matrices and as scipy's LinearOperator."""
