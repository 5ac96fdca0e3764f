"""Data in: reading, documents on disk, splits, and the packed corpus that training reads."""
