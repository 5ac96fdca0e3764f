"""What the benchmarks of translation and summarisation share: pairs of real texts, baselines, a peer, figures."""
