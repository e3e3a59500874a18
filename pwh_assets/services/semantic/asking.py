"""Asking a metric: by dimensions, by period, between two days."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pwh_assets.core.metric import NODE, Grain, MetricVersion, SavedMetric, metric_key
from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, NotFoundError, quoted
from pwh_assets.hogql.metrics import TIME, MetricProblem, dimension_names, metric_query, spread
from pwh_assets.hogql.written import written_name
from pwh_assets.services.hogql.query import QueryResult, run_query
from pwh_assets.services.platform import Platform

MOST_ROWS = 50_000


def find_metric(platform: Platform, project_id: int, name: str) -> SavedMetric:
    """By its name in any spelling. Raises NotFoundError."""
    known = {each.definition.key: each for each in platform.store.metrics(project_id)}
    key = metric_key(name.removeprefix(NODE))
    if key not in known:
        near = nearest(key, list(known))
        hint = f"Did you mean `{near}`?" if near else "`pwh metric list` shows those there are."
        raise NotFoundError("metric", name, hint)
    return known[key]


def metric_history(platform: Platform, project_id: int, name: str) -> list[MetricVersion]:
    """Every definition the metric had, oldest first. Raises NotFoundError."""
    return platform.store.metric_versions(find_metric(platform, project_id, name).id)


def dimensions_of(platform: Platform, project_id: int, name: str) -> tuple[str, ...]:
    """What the metric can be grouped by. Raises NotFoundError."""
    metric = find_metric(platform, project_id, name).definition
    metrics = {each.definition.key: each.definition for each in platform.store.metrics(project_id)}
    return dimension_names(metric, metrics)


def metric_text(
    platform: Platform,
    project_id: int,
    name: str,
    *,
    by: Sequence[str] = (),
    grain: str | None = None,
    start: str | None = None,
    end: str | None = None,
    where: Sequence[str] = (),
) -> str:
    """The HogQL that answers a metric.

    Args:
        by: dimensions.
        grain: a period, or `none` for no periods; the metric's own by default.
        start: the first day or moment that counts, in ISO 8601 and UTC.
        end: the last day that counts, whole, or the moment before which the last counted one lies.

    Raises:
        NotFoundError: there is no such metric.
        InvalidInputError: it cannot be asked so.
    """
    metric = find_metric(platform, project_id, name).definition
    metrics = {each.definition.key: each.definition for each in platform.store.metrics(project_id)}
    try:
        period = _grain(grain) if grain else metric.grain
        if not grain and period is None:
            leaves = spread(metric, metrics).leaves
            period = next((leaf.metric.grain for leaf in leaves if leaf.metric.grain), None)
            if any(not leaf.metric.time for leaf in leaves):
                period = None
        text = metric_query(
            metric,
            metrics,
            period,
            by,
            start=_moment(start, "from") if start else None,
            end=_moment(end, "to", is_end=True) if end else None,
            where=where,
        )
    except MetricProblem as error:
        raise InvalidInputError("metric", str(error)) from None
    order = [TIME] if period else []
    order += [written_name(each) for each in by]
    return f"{text} ORDER BY {', '.join(order)}" if order else text


def run_metric(
    platform: Platform,
    project_id: int,
    name: str,
    *,
    by: Sequence[str] = (),
    grain: str | None = None,
    start: str | None = None,
    end: str | None = None,
    where: Sequence[str] = (),
    engine: str | None = None,
) -> QueryResult:
    """A metric's answer: `time` where it has periods, the dimensions, `value`; in this order, sorted by them.

    Raises:
        NotFoundError: there is no such metric.
        InvalidInputError: it cannot be asked so.
        HogQLError: what it is measured on has changed since, or `where` is wrong.
    """
    text = metric_text(
        platform, project_id, name, by=by, grain=grain, start=start, end=end, where=where
    )
    return run_query(platform, project_id, text, engine=engine, limit=MOST_ROWS)


def _grain(word: str) -> Grain | None:
    if word == "none":
        return None
    if word not in tuple(Grain):
        known = quoted((*Grain, "none"), 10)
        raise InvalidInputError("grain", f"`{word}` is no grain; there are {known}.")
    return Grain(word)


def _moment(text: str, attr: str, *, is_end: bool = False) -> datetime:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            found = datetime(day.year, day.month, day.day)
            return found + timedelta(days=1) if is_end else found
        return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)
    except ValueError:
        raise InvalidInputError(
            attr, f"`{text}` is no day. Write it as 2026-01-31, or with a time: 2026-01-31T12:00."
        ) from None
