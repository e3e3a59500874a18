"""Metrics: numbers with one definition, measured on a table or view and asked for by time and dimensions."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

NODE = "metric:"
"""What the name of a metric begins with where it stands among tables and views, as in lineage."""


class MetricKind(StrEnum):
    """What a metric is made of."""

    SIMPLE = "simple"
    """An aggregate over the rows of its source."""
    RATIO = "ratio"
    """One metric over another."""
    DERIVED = "derived"
    """A formula over other metrics."""
    CUMULATIVE = "cumulative"
    """The running total of another metric."""


class Measure(StrEnum):
    """How a simple metric turns rows into one number."""

    SUM = "sum"
    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    QUANTILE = "quantile"
    EXPRESSION = "expression"
    """Any HogQL made of aggregates."""


class Grain(StrEnum):
    """The periods a metric can be asked for."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A name to group by; `expression` is HogQL over a row of the source."""

    name: str
    expression: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class MetricInput:
    """Another metric a metric is made of, under the name its formula uses, with conditions of its own."""

    name: str
    metric: str
    """Key of the metric, as `metric_key` makes it."""
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One definition. Texts are HogQL over a row of the source; which fields mean something depends on the kind."""

    name: str
    kind: MetricKind = MetricKind.SIMPLE
    source: str = ""
    """HogQL name of the table or view a simple metric is measured on."""
    measure: Measure = Measure.COUNT
    expression: str = ""
    """What is summed, counted and so on; all of the aggregate for `Measure.EXPRESSION`; empty counts rows."""
    level: float | None = None
    """Of a quantile, between 0 and 1."""
    filters: tuple[str, ...] = ()
    """Conditions that all hold of a counted row; those of other kinds hold of the rows of every input."""
    dimensions: tuple[Dimension, ...] = ()
    """Of a simple metric; others have those that all their inputs have."""
    time: str = ""
    """When a row counts: a date or time; without it the metric has no periods."""
    grain: Grain | None = None
    """The period it is shown by when nobody asks for another."""
    inputs: tuple[MetricInput, ...] = ()
    """Numerator and denominator of a ratio, names in a formula, the one metric that is added up."""
    formula: str = ""
    per: Grain | None = None
    """The period a running total begins anew with; None adds up from the first row on."""
    description: str = ""
    owner: str = ""

    @property
    def key(self) -> str:
        return metric_key(self.name)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Metric":
        values = dict(kept)
        values["kind"], values["measure"] = MetricKind(kept["kind"]), Measure(kept["measure"])
        values["grain"] = Grain(kept["grain"]) if kept["grain"] else None
        values["per"] = Grain(kept["per"]) if kept["per"] else None
        values["filters"] = tuple(kept["filters"])
        values["dimensions"] = tuple(Dimension(**each) for each in kept["dimensions"])
        values["inputs"] = tuple(
            MetricInput(each["name"], each["metric"], tuple(each["filters"]))
            for each in kept["inputs"]
        )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class SavedMetric:
    """A metric a project keeps. Every other definition of it is another version."""

    id: str
    project_id: int
    definition: Metric
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MetricVersion:
    version: int
    definition: Metric
    created_at: datetime
    author: str = ""


def metric_key(name: str) -> str:
    """What makes two names one: case, and blanks or dashes for underscores, do not count.

    >>> metric_key("Monthly Revenue")
    'monthly_revenue'
    """
    return re.sub(r"[^a-z0-9_]+", "_", name.strip().lower()).strip("_")


def node_name(key: str) -> str:
    """The metric's name among tables and views."""
    return f"{NODE}{key}"
