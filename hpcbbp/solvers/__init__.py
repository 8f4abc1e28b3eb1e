"""An instance to a Solution, by SLEPc, by deferred Krylov, or whole by LAPACK."""
