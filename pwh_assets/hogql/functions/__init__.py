"""The function registry: the only authority on what a name means, a file per family.

Belongs here: one row per function with names, arity, types, SQL per engine, a line of doc and an example.
Keep out: rewriting of clauses, anything about tables.
"""
