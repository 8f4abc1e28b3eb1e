"""What long work leaves on disk so that a kill costs little: folders, long vectors, and states of several kinds."""
