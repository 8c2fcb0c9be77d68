"""Old programs on today's engine: the import names of the original platform."""
