"""What the running chain tells about itself: positions, lag, health."""
