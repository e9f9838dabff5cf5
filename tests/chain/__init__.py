"""End to end: real engines, real processes, and what holds when they are killed or paused."""
