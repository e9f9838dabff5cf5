"""The SQL statements behind the catalog API: one per answer, so one generation per answer.

Between two statements a switch of generations may come; within one it can't
(`adapters/read_database/switch.py`). So PostgreSQL builds each whole answer as JSON, and names the
generation it read with it. Tables only, no functions of a generation: those are bound by name
before the tables are locked.
Every statement gives rows of (generation, body as JSON text, …).
"""
