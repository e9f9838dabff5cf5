"""Mutating fuzzers: bytes and structures that nobody sends on purpose, through what reads them.

The judge is the same everywhere: what is accounted for is what was sent, the neighbours of what is
broken are right, the process lives, reasons and memory are bounded. Little in every test run
(`tests.chain.size`), much by `python -m tests.chain.acceptance`. A seed makes its inputs, so what
fails once fails again.
"""
