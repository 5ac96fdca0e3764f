"""Programs to start from; each runs by itself: python examples/NAME.py --small."""
