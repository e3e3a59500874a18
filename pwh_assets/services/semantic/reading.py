"""`virtual_tables:` and `metrics:` as PWH writes them, read from a file."""

from typing import Any

from pwh_assets.core.metric import (
    Dimension,
    Grain,
    Measure,
    Metric,
    MetricInput,
    MetricKind,
    metric_key,
)
from pwh_assets.errors import quoted
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.metrics import names_in, read_aggregate
from pwh_assets.services.semantic.document import (
    Composed,
    DeclaredMetric,
    DeclaredTable,
    Document,
    Entry,
    Mistakes,
    Reader,
    Text,
)

TABLE_WORDS = (
    *("name", "query", "base", "as", "joins", "columns", "where"),
    *("description", "owner", "every", "at"),
)
METRIC_WORDS = (
    *("name", "source", "query", "measure", "expression", "level", "filter", "filters"),
    *("dimensions", "time", "grain", "numerator", "denominator", "formula", "metrics"),
    *("cumulative", "per", "description", "owner"),
)
JOINS = {"left": "LEFT JOIN", "inner": "INNER JOIN"}


def read_document(text: str, file: str = "document") -> Document:
    """What a file declares, with every mistake in how it is written; a `semantic_models:` file is MetricFlow's.

    Raises:
        DocumentError: it is no YAML, or no mapping.
    """
    reader = Reader(text, file)
    top = reader.top()
    if "semantic_models" in top:
        from pwh_assets.services.semantic.metricflow import read_metricflow

        return read_metricflow(top, reader.mistakes)
    top.known(("virtual_tables", "metrics"))
    document = Document(reader.mistakes)
    document.tables = [
        found for each in top.entries("virtual_tables") if (found := _table(each)) is not None
    ]
    made = (_metric(each) for each in top.entries("metrics"))
    document.metrics = [each for each in made if each is not None]
    _check_twice(document)
    return document


def _check_twice(document: Document) -> None:
    for names in (
        [(each.name.value.strip().lower(), each.name) for each in document.tables],
        [(each.metric.key, each.name) for each in document.metrics],
    ):
        seen: set[str] = set()
        for key, text in names:
            if key in seen:
                document.mistakes.add(text, f"`{text.value}` is declared twice.")
            seen.add(key)


# Virtual tables


def _table(entry: Entry) -> DeclaredTable | None:
    entry.known(TABLE_WORDS)
    name = entry.text("name", required=True)
    mistakes = entry.reader.mistakes
    query: Composed | None = None
    if "query" in entry:
        for word in ("base", "joins", "columns", "where"):
            if word in entry:
                mistakes.add(
                    entry.place_of(word), f"`{word}` and `query` say the same; keep one of them."
                )
        written = entry.text("query")
        if written is not None:
            query = Composed(Text(written.value.rstrip(), *_at(written)))
    elif "base" in entry:
        query = _joined(entry)
    else:
        mistakes.add(entry.place, "A virtual table needs a `query`, or a `base` with `columns`.")
    if name is None or query is None:
        return None
    return DeclaredTable(
        name,
        query,
        entry.word("description"),
        entry.word("owner"),
        entry.word("every") or None,
        entry.word("at") or None,
    )


def _at(text: Text) -> tuple[int, int, bool]:
    return text.line, text.column, text.is_block


def _joined(entry: Entry) -> Composed | None:
    mistakes = entry.reader.mistakes
    base = entry.text("base")
    columns = entry.items("columns")
    if not columns:
        mistakes.add(entry.place, "A virtual table with a `base` needs its `columns`.")
    if base is None:
        return None
    query = Composed("SELECT ")
    for i, node in enumerate(columns):
        query.add(", " if i else "")
        _add_column(query, node, entry)
    query.add(" FROM ").add(base)
    if alias := entry.text("as"):
        query.add(" AS ").add(alias)
    for join in entry.entries("joins"):
        join.known(("table", "as", "on", "type"))
        table, on = join.text("table", required=True), join.text("on", required=True)
        kind = join.word("type") or "left"
        if kind not in JOINS:
            mistakes.add(
                join.place_of("type"), f"`{kind}` is no join; there are {quoted(list(JOINS))}."
            )
        if table is None or on is None:
            return None
        query.add(f" {JOINS.get(kind, 'LEFT JOIN')} ").add(table)
        if alias := join.text("as"):
            query.add(" AS ").add(alias)
        query.add(" ON ").add(on)
    if where := entry.text("where"):
        query.add(" WHERE ").add(where)
    return query


def _add_column(query: Composed, node: Any, entry: Entry) -> None:
    reader = entry.reader
    if not reader.is_mapping(node):
        if (text := reader.text(node, "columns")) is not None:
            query.add(text)
        return
    column = Entry(node, reader)
    column.known(("name", "expression"))
    name = column.text("name", required=True)
    expression = column.text("expression") or name
    if name is not None and expression is not None:
        query.add(expression).add(" AS ").add(name)


# Metrics


def _metric(entry: Entry) -> DeclaredMetric | None:
    entry.known(METRIC_WORDS)
    mistakes = entry.reader.mistakes
    name = entry.text("name", required=True)
    if name is None:
        return None
    if not metric_key(name.value) or len(name.value) > 128 or not name.value.isprintable():
        mistakes.add(name, f"`{name.value[:60]}` cannot be the name of a metric; use words.")
        return None
    values: dict[str, Any] = {
        "name": name.value.strip(),
        "description": entry.word("description"),
        "owner": entry.word("owner"),
        "grain": grain(entry, "grain"),
    }
    declared = DeclaredMetric(name, Metric(name.value.strip()))
    filters: list[str] = []
    for word in ("filter", "filters"):
        for node in entry.items(word):
            if (text := entry.reader.text(node, word)) is not None:
                declared.texts[f"filters.{len(filters)}"] = text
                filters.append(text.value.strip())
    kinds = [
        word for word in ("numerator", "formula", "cumulative", "query", "measure") if word in entry
    ]
    if len(kinds) != 1:
        said = f"It has {quoted(kinds)}." if kinds else "It has none of them."
        mistakes.add(
            entry.place,
            f"Metric `{name.value}` is one of `query`, `measure`, `numerator` with `denominator`, `formula` and "
            f"`cumulative`. {said}",
        )
        return None
    kind = kinds[0]
    if kind in ("query", "measure"):
        values |= _measured(entry, declared, filters, kind)
    else:
        for word in ("source", "time", "dimensions", "expression", "level"):
            if word in entry:
                mistakes.add(
                    entry.place_of(word),
                    f"`{word}` is a simple metric's; this one has that of the metrics it is made of.",
                )
        values |= _made_of(entry, declared, kind)
    declared.metric = Metric(**values, filters=tuple(filters))
    return declared


def grain(entry: Entry, word: str) -> Grain | None:
    """A grain by its name; a mistake and None for another word."""
    text = entry.word(word).lower()
    if text and text not in tuple(Grain):
        entry.reader.mistakes.add(
            entry.place_of(word), f"`{text}` is no grain; there are {quoted(tuple(Grain), 10)}."
        )
        return None
    return Grain(text) if text else None


def _measured(
    entry: Entry, declared: DeclaredMetric, filters: list[str], kind: str
) -> dict[str, Any]:
    mistakes = entry.reader.mistakes
    found: dict[str, Any] = {"kind": MetricKind.SIMPLE}
    source = entry.text("source", required=True)
    if source is not None:
        declared.texts["source"] = source
        found["source"] = source.value.strip()
    if time := entry.text("time"):
        declared.texts["time"] = time
        found["time"] = time.value.strip()
    found["dimensions"] = _dimensions(entry, declared)
    if kind == "query":
        if (query := entry.text("query")) is not None:
            found |= _asked(query, declared, filters, mistakes)
        return found
    measure = entry.word("measure").lower()
    if measure not in tuple(Measure):
        mistakes.add(
            entry.place_of("measure"),
            f"`{measure}` is no measure; there are {quoted(tuple(Measure), 10)}.",
        )
        return found
    found["measure"] = Measure(measure)
    if expression := entry.text("expression"):
        declared.texts["expression"] = expression
        found["expression"] = expression.value.strip()
    elif measure != Measure.COUNT:
        mistakes.add(entry.place_of("measure"), f"`{measure}` needs an `expression`.")
    if measure == Measure.QUANTILE:
        try:
            found["level"] = float(entry.word("level"))
        except ValueError:
            found["level"] = -1.0
        if not 0 <= found["level"] <= 1:
            mistakes.add(entry.place_of("level"), "`level` is a number from 0 to 1, such as 0.9.")
    return found


def _dimensions(entry: Entry, declared: DeclaredMetric) -> tuple[Dimension, ...]:
    found: list[Dimension] = []
    for node in entry.items("dimensions"):
        if entry.reader.is_mapping(node):
            each = Entry(node, entry.reader)
            each.known(("name", "expression", "description"))
            name, description = each.text("name", required=True), each.word("description")
            expression = each.text("expression") or name
        else:
            name = expression = entry.reader.text(node, "dimensions")
            description = ""
        if name is None or expression is None:
            continue
        declared.texts[f"dimensions.{len(found)}"] = expression
        made = Dimension(name.value.strip(), expression.value.strip(), description)
        if made.name.lower() in ("time", "value", *Grain):
            entry.reader.mistakes.add(
                name, f"A dimension cannot be called `{made.name}`: metrics have that word already."
            )
        if any(made.name.lower() == other.name.lower() for other in found):
            entry.reader.mistakes.add(name, f"There are two dimensions `{made.name}`.")
        found.append(made)
    return tuple(found)


def _asked(
    query: Text, declared: DeclaredMetric, filters: list[str], mistakes: Mistakes
) -> dict[str, Any]:
    """`COUNT(DISTINCT person_id) WHERE event = '$pageview'`."""
    try:
        asked = read_aggregate(query.value)
    except HogQLError as error:
        for problem in error.problems:
            mistakes.add(query.place(problem.start), f"{problem.message}.")
        return {}
    if asked is None:
        mistakes.add(query, "`query` is one aggregate, and a WHERE where there is a condition.")
        return {}
    if asked.condition:
        line, column = query.place(asked.condition_at)
        declared.texts[f"filters.{len(filters)}"] = Text(
            asked.condition, line, column, query.is_block
        )
        filters.append(asked.condition)
    declared.texts["expression"] = query
    return {"measure": asked.measure, "expression": asked.expression}


def _made_of(entry: Entry, declared: DeclaredMetric, kind: str) -> dict[str, Any]:
    mistakes = entry.reader.mistakes
    if kind == "numerator":
        inputs = [_input(entry, "numerator", declared), _input(entry, "denominator", declared)]
        return {"kind": MetricKind.RATIO, "inputs": tuple(each for each in inputs if each)}
    if kind == "cumulative":
        one = _input(entry, "cumulative", declared)
        return {
            "kind": MetricKind.CUMULATIVE,
            "inputs": (one,) if one else (),
            "per": grain(entry, "per"),
        }
    formula = entry.text("formula")
    if formula is None:
        return {}
    declared.texts["formula"] = formula
    try:
        names = list(dict.fromkeys(name for name, _, _ in names_in(formula.value)))
    except HogQLError as error:
        for problem in error.problems:
            mistakes.add(formula.place(problem.start), f"{problem.message}.")
        return {}
    given = {}
    for node in entry.items("metrics"):
        made = _input_of(node, entry, declared, "metrics")
        if made is not None:
            given[made.name.lower()] = made
    inputs_ = [given.get(name.lower()) or MetricInput(name, metric_key(name)) for name in names]
    if not names:
        mistakes.add(formula, "The formula names no metric.")
    return {
        "kind": MetricKind.DERIVED,
        "formula": formula.value.strip(),
        "inputs": tuple(inputs_),
    }


def _input(entry: Entry, word: str, declared: DeclaredMetric) -> MetricInput | None:
    items = entry.items(word)
    if not items:
        entry.reader.mistakes.add(entry.place, f"`{word}` is missing.")
        return None
    return _input_of(items[0], entry, declared, word)


def _input_of(node: Any, entry: Entry, declared: DeclaredMetric, word: str) -> MetricInput | None:
    """A metric by its name, or `{metric, as, filter}`."""
    reader = entry.reader
    if not reader.is_mapping(node):
        text = reader.text(node, word)
        if text is None:
            return None
        declared.texts[f"inputs.{metric_key(text.value)}"] = text
        return MetricInput(metric_key(text.value), metric_key(text.value))
    each = Entry(node, reader)
    each.known(("metric", "as", "filter"))
    name, filter_ = each.text("metric", required=True), each.text("filter")
    if name is None:
        return None
    key = metric_key(name.value)
    declared.texts[f"inputs.{key}"] = name
    return MetricInput(
        each.word("as") or key, key, (filter_.value.strip(),) if filter_ is not None else ()
    )
