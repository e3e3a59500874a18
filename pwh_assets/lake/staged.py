"""Parquet files waiting to be published: their columns, the names those get in the lake, and the SQL that reads them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.lake.attach import literal, quote
from pwh_assets.lake.errors import PublishError
from pwh_assets.lake.types import stored

if TYPE_CHECKING:
    import duckdb

POSITION = '"__pwh_position"'


@dataclass(frozen=True, slots=True)
class Group:
    """Files with the very same columns. `types` are the lake's, in the order of `names`, which are the
    source's; a name may come twice, None is a column that is left out.
    """

    files: tuple[Path, ...]
    offset: int
    """How many staged files come before these."""
    names: tuple[str | None, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """All staged files. Columns are told apart by their exact spelling, also by case alone."""

    groups: tuple[Group, ...]
    row_count: int

    @property
    def columns(self) -> dict[str, list[str]]:
        """Types each column has in the files, by its name at the source."""
        found: dict[str, list[str]] = {}
        for group in self.groups:
            for name, kind in zip(group.names, group.types, strict=True):
                if name is None:
                    continue
                kinds = found.setdefault(name, [])
                if kind not in kinds:
                    kinds.append(kind)
        return found

    def select(
        self,
        lake_names: Mapping[str, str],
        types: Mapping[str, str],
        *,
        with_position: bool = False,
    ) -> str:
        """SQL that gives every staged row with the lake's columns; those a file lacks are NULL.

        `types` are by lake name and give the order. With position, a last column orders rows as staged.
        """
        parts = []
        for group in self.groups:
            places: dict[str, list[str]] = {}
            for i, source_name in enumerate(group.names):
                if source_name is not None:
                    places.setdefault(lake_names[source_name], []).append(f"c{i}")
            words = [
                f"{_value(places.get(name, []), kind)} AS {quote(name)}"
                for name, kind in types.items()
            ]
            if with_position:
                words.append(
                    f"(file_index + {group.offset}) * 1099511627776 + file_row_number AS {POSITION}"
                )
            files = ", ".join(literal(str(file)) for file in group.files)
            aliases = ", ".join(f"c{i}" for i in range(len(group.names)))
            parts.append(
                f"SELECT {', '.join(words)} FROM read_parquet([{files}], hive_partitioning = false) AS t({aliases})"
            )
        return " UNION ALL ".join(parts)


def _value(places: Sequence[str], kind: str) -> str:
    casts = [f"CAST({place} AS {kind})" for place in places or ["NULL"]]
    return casts[0] if len(casts) == 1 else f"COALESCE({', '.join(casts)})"


def read_staged(
    connection: "duckdb.DuckDBPyConnection",
    files: Sequence[Path],
    renames: Mapping[str, str | None],
) -> Staged:
    """Look at the files' footers; files without rows or columns are left out."""
    groups: list[tuple[object, int, list[Path], list[str]]] = []
    rows, offset = 0, 0
    for file, count, layout in _footers(connection, files):
        names = _top_level(layout)
        if not count or not names:
            continue
        if groups and groups[-1][0] == layout:
            groups[-1][2].append(file)
        else:
            groups.append((layout, offset, [file], names))
        rows += count
        offset += 1
    return Staged(
        tuple(
            Group(
                tuple(paths),
                start,
                tuple(renames.get(name, name) for name in names),
                tuple(_types(connection, paths[0])),
            )
            for _, start, paths, names in groups
        ),
        rows,
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a file says about its rows. `nulls` has every top column with values of its own; None: not counted."""

    rows: int
    nulls: Mapping[str, int | None]


def read_statistics(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Path]
) -> list[Statistics]:
    """Of each file's columns, how often they are NULL, from the footers. What is nested counts as not counted.

    Files without rows are left out.
    """
    found = []
    counts = _null_counts(connection, files)
    for file, rows, layout in _footers(connection, files):
        if rows:
            places = _leaves(layout)
            nulls = {
                name: None if place is None else counts.get((str(file), place))
                for name, place in places.items()
            }
            found.append(Statistics(rows, nulls))
    return found


def _null_counts(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Path]
) -> dict[tuple[str, int], int | None]:
    """By file and place of the column among those with values; None where a part of the file does not say."""
    if not files:
        return {}
    listed = ", ".join(literal(str(file)) for file in files)
    rows = connection.execute(
        "SELECT file_name, column_id, CASE WHEN count(stats_null_count) = count(*) "
        f"THEN sum(stats_null_count) END FROM parquet_metadata([{listed}]) GROUP BY ALL"
    ).fetchall()
    return {(str(row[0]), int(row[1])): None if row[2] is None else int(row[2]) for row in rows}


_Layout = list[tuple[Any, ...]]
"""The nodes of a file's schema, from the top down: name, number of children, and what says its type."""


def _footers(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Path]
) -> Iterable[tuple[Path, int, _Layout]]:
    """Each file with its number of rows and its columns. (pyarrow would say the same, after 0.2 s of import.)"""
    import duckdb

    if not files:
        return []
    try:
        return _footers_of(connection, files)
    except (duckdb.InvalidInputException, duckdb.IOException):
        for file in files:
            try:
                _footers_of(connection, [file])
            except (duckdb.InvalidInputException, duckdb.IOException):
                raise PublishError(
                    f"The staged file `{file.name}` is missing or damaged. Read the rows again."
                ) from None
        raise


def _footers_of(
    connection: "duckdb.DuckDBPyConnection", files: Sequence[Path]
) -> list[tuple[Path, int, _Layout]]:
    listed = ", ".join(literal(str(file)) for file in files)
    counts = {
        str(row[0]): int(row[1])
        for row in connection.execute(
            f"SELECT file_name, num_rows FROM parquet_file_metadata([{listed}])"
        ).fetchall()
    }
    layouts: dict[str, _Layout] = {}
    for file_name, *node in connection.execute(
        "SELECT file_name, name, coalesce(num_children, 0), repetition_type, type, type_length, converted_type, "
        f"scale, precision, logical_type, duckdb_type FROM parquet_schema([{listed}])"
    ).fetchall():
        layouts.setdefault(str(file_name), []).append(tuple(node))
    return [(file, counts[str(file)], layouts[str(file)]) for file in files]


def _top_level(layout: _Layout) -> list[str]:
    """The names of the columns, as the file spells them."""
    found: list[str] = []
    inside = 0
    for name, children, *_ in layout[1:]:
        if inside == 0:
            found.append(str(name))
        else:
            inside -= 1
        inside += int(children)
    return found


def _leaves(layout: _Layout) -> dict[str, int | None]:
    """Each top column's place among the columns with values; None for one that has others inside."""
    found: dict[str, int | None] = {}
    inside = place = 0
    for name, children, *_ in layout[1:]:
        if inside == 0:
            found[str(name)] = None if children else place
        else:
            inside -= 1
        inside += int(children)
        place += not children
    return found


def _types(connection: "duckdb.DuckDBPyConnection", file: Path) -> list[str]:
    described = connection.execute(
        f"DESCRIBE SELECT * FROM read_parquet({literal(str(file))}, hive_partitioning = false)"
    ).fetchall()
    return [stored(str(row[1])) for row in described]


def lake_names(source_names: Iterable[str], existing: Sequence[str]) -> dict[str, str]:
    """The lake's name of each source column. The lake tells columns apart without regard to case.

    A column keeps its name; one that differs from another by case alone gets a number. Names the lake
    already has are kept for the same spelling.

    >>> lake_names(["Name", "name", "NAME"], [])
    {'Name': 'Name', 'name': 'name_1', 'NAME': 'NAME_2'}
    >>> lake_names(["name", "Name"], ["Name", "name_1"])
    {'name': 'name_1', 'Name': 'Name'}
    >>> lake_names(["ID"], ["id"])
    {'ID': 'id'}
    >>> lake_names(["Name", "name", "name_1"], [])
    {'Name': 'Name', 'name': 'name_2', 'name_1': 'name_1'}
    """
    names = list(source_names)
    known = {name.lower(): name for name in existing}
    spellings = Counter((name or "_").lower() for name in names)
    found: dict[str, str] = {}
    taken: set[str] = set()

    def is_plain(name: str) -> bool:
        return spellings[(name or "_").lower()] == 1

    def is_known(name: str) -> bool:
        return known.get((name or "_").lower()) == (name or "_")

    # Whoever may have its own name gets it; only then do the others get numbers.
    for name in sorted(names, key=lambda name: (not is_plain(name), not is_known(name))):
        candidate, number = name or "_", 0
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name or '_'}_{number}"
        found[name] = known.get(candidate.lower(), candidate)
        taken.add(candidate.lower())
    return {name: found[name] for name in names}
