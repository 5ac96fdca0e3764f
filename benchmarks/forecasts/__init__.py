"""What is forecast and how that is measured: the airline, ETTh2, and the peers beside ours on both."""
