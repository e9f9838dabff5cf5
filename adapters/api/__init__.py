"""The catalog API over HTTP: what partners ask of the read catalog.

A thin ASGI application of its own: the routes are one table (`endpoints`), from which requests are
checked and the OpenAPI document is made, and PostgreSQL builds the JSON of every answer.
"""
