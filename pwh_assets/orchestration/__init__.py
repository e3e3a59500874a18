"""The product as Dagster sees it: a file per Dagster noun.

Belongs here: assets, checks, jobs, schedules, sensors, and starting runs.
Keep out: anything that works without Dagster.
"""
