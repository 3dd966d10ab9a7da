"""A classified catalogue: its two tables, its record, and what is read back from its folder."""
