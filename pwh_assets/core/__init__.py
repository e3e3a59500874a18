"""The product's words: sources, tables, sync modes, saved queries, jobs, names and frequencies.

Belongs here: frozen values and the rules between them, on the standard library alone.
Keep out: I/O, Dagster, SQLAlchemy, DuckDB, HTTP.
"""
