"""HDFS sessions of log keys: what is learnt, what is searched, and how a model's size is chosen."""
