"""The operations dashboard: what an operator wants to see and do without a terminal.

Pages are made on the server (Jinja2); htmx asks for them again every few seconds and puts in what
changed. What is shown of the engines comes from snapshots, so no page waits for a broker.
"""
