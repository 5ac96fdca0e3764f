"""Networks as language models: the one final class, and what several models' bodies share."""
