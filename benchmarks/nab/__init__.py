"""The Numenta Anomaly Benchmark: its rules, and a detector for its series made of a language model."""
