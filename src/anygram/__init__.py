"""anygram: every language model from n-gram to Transformer, on your own data, by one yardstick."""
