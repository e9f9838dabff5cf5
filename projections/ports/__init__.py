"""What the engines need of the outside, a module per port.

Adapters implement these protocols and `adapters/composition` connects them; the engines know no
driver, so the same code runs over in-memory implementations in the property tests.
"""
