"""What the benchmarks of translation and summarisation share: pairs of texts, baselines, a peer, figures."""
