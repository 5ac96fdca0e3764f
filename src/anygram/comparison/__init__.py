"""Several models, one corpus, one budget: one table. Each pair is trained in a process of its own."""
