"""HogQL: text in, plan out. Opens nothing.

Belongs here: parser, resolver, types, the function registry, rewrites, lowering to each engine's SQL.
Keep out: connections, files, the store, the lake, Dagster, HTTP.
"""
