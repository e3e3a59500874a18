"""What we remember: projects, sources, tables, saved queries, jobs, usage, encrypted credentials.

Belongs here: SQLAlchemy tables, repositories and migrations.
Keep out: decisions, Dagster, the lake's rows.
"""
