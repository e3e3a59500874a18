"""Metrics with every definition they ever had."""

import uuid
from collections.abc import Iterable

import sqlalchemy as sa

from pwh_assets.core.metric import Metric, MetricVersion, SavedMetric
from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart, touch
from pwh_assets.store.rows import utc_now


class Metrics(StorePart):
    def save_metrics(
        self, project_id: int, wanted: Iterable[Metric], gone: Iterable[str] = (), author: str = ""
    ) -> list[SavedMetric]:
        """Keep these definitions and forget those keys, in one transaction; another definition adds a version."""
        metrics, versions, now = models.metrics, models.metric_versions, utc_now()
        found, is_changed = [], False
        with self._db.write() as connection:
            project = sa.select(models.projects.c.id).filter_by(id=project_id).with_for_update()
            if not connection.execute(project).first():
                raise NotFoundError("project", str(project_id))
            known = {
                row.key: row
                for row in connection.execute(sa.select(metrics).filter_by(project_id=project_id))
            }
            for metric in wanted:
                row = known.get(metric.key)
                if row is not None and Metric.from_dict(row.definition) == metric:
                    found.append(_saved(row))
                    continue
                is_changed = True
                metric_id = row.id if row is not None else str(uuid.uuid4())
                version = row.version + 1 if row is not None else 1
                values = {"definition": metric.as_dict(), "version": version, "updated_at": now}
                if row is None:
                    first = {"id": metric_id, "project_id": project_id, "key": metric.key}
                    connection.execute(metrics.insert().values(**first, created_at=now, **values))
                else:
                    update = sa.update(metrics).where(metrics.c.id == metric_id)
                    connection.execute(update.values(**values))
                connection.execute(
                    versions.insert().values(
                        metric_id=metric_id,
                        version=version,
                        definition=metric.as_dict(),
                        author=author,
                        created_at=now,
                    )
                )
                began = row.created_at if row is not None else now
                found.append(SavedMetric(metric_id, project_id, metric, version, began, now))
            if lost := [known[key].id for key in gone if key in known]:
                is_changed = True
                connection.execute(sa.delete(metrics).where(metrics.c.id.in_(lost)))
            if is_changed:
                touch(connection, project_id)
        return found

    def metrics(self, project_id: int) -> list[SavedMetric]:
        """By key."""
        query = sa.select(models.metrics).filter_by(project_id=project_id)
        with self._db.read() as connection:
            return [_saved(row) for row in connection.execute(query.order_by(models.metrics.c.key))]

    def metric_versions(self, metric_id: str) -> list[MetricVersion]:
        """Oldest first."""
        versions = models.metric_versions
        query = sa.select(versions).filter_by(metric_id=metric_id).order_by(versions.c.version)
        with self._db.read() as connection:
            return [
                MetricVersion(
                    row.version, Metric.from_dict(row.definition), row.created_at, row.author
                )
                for row in connection.execute(query)
            ]


def _saved(row: sa.Row[tuple[object, ...]]) -> SavedMetric:
    return SavedMetric(
        row.id,
        row.project_id,
        Metric.from_dict(row.definition),
        row.version,
        row.created_at,
        row.updated_at,
    )
