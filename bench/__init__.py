"""How fast it is, measured beside what a user would pick instead.

`python -m bench` runs every case on engines of its own (durable, JIT whole) and writes a table;
`python -m bench CASE` runs one. Each figure stands beside a floor or a peer of the same run,
because the machine's speed differs from day to day and a ratio does not.
"""
