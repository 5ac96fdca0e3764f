"""Tasks: ways to ask a model. Functions of any language model; none knows which it is."""
