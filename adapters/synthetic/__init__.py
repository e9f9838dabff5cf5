"""Synthetic catalogs of any size: the same for the same seed, in natural proportions.

Benchmarks and tests of scale need data that anyone can make again and nobody can mistake for
real: ids begin with `syn:<seed>:`, the licensors and labels say in their names that they are
imaginary. Each row is a pure function of (seed, table, number, revision), so rows come in bounded
chunks, an update is the same row at another revision, and what a table must hold in the end can
be computed without keeping anything. Numbers of the industry (ISRC, GTIN) are well-formed and may
by chance be someone's.
"""
