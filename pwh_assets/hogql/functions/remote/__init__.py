"""What Postgres and MySQL share as databases that are only queried where they are.

Belongs here: handlers that ask the dialect how values change type and print what both servers take, and parts a dialect
completes with its own SQL. Keep out: SQL one of them alone understands (`postgres/`, `mysql/`), and clauses (`lower/remote.py`).
"""
