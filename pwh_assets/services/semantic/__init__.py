"""The semantic layer: virtual tables and metrics, declared in files, checked as a whole, asked by name.

Belongs here: reading and writing such files (ours and MetricFlow's), checking and applying them, asking a metric.
Keep out: what a metric means as a query (`hogql/metrics`), HTTP, the command line.
"""

from pwh_assets.services.semantic.applying import (
    MANAGED_BY,
    Applied,
    StillReadError,
    apply_document,
    remove_metric,
)
from pwh_assets.services.semantic.asking import find_metric, metric_history, metric_text, run_metric
from pwh_assets.services.semantic.document import DocumentError, Mistake
from pwh_assets.services.semantic.exporting import export_document
from pwh_assets.services.semantic.metricflow_export import NotExportableError, export_metricflow

__all__ = [
    "MANAGED_BY",
    "Applied",
    "DocumentError",
    "Mistake",
    "NotExportableError",
    "StillReadError",
    "apply_document",
    "export_document",
    "export_metricflow",
    "find_metric",
    "metric_history",
    "metric_text",
    "remove_metric",
    "run_metric",
]
