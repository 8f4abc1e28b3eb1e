"""What is asked: a student, a teacher, a loss, and the p x p curvature of a sample."""
