"""Freshness as a contract: how often everything has to run, how old everything gets, and what should have run.

Belongs here: the plan of effective cadences, legal ranges, ticks, settings and what they refuse.
Keep out: Dagster, which carries the plan out; the health engine, which asks it.
"""
