"""Dagster's doors to the product: thin resources that build plain objects.

Belongs here: `ConfigurableResource` classes.
Keep out: logic that a service could hold.
"""
