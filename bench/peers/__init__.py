"""What a user would pick instead, each with its fastest fair settings, on the same events.

All of them fill the same table, with its key and two indexes there from the start: they upsert into
a live table. Each end state is compared with the right one, row by row.
"""
