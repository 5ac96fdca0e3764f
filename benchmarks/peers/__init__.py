"""What benchmarks against peers share: measured processes, KenLM's programs, and rows of a table."""
