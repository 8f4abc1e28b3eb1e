"""N = infinity for any model: the matrix Dyson equation of one sample, with the nodes of a quadrature as samples."""
