"""The neural rungs beside their peers: a module for each, tasks of both sides, rows of time to quality."""
