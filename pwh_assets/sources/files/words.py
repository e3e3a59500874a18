"""Texts and names in DuckDB's SQL."""


def literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
