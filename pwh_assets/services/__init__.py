"""What a person does with the product: connect, sync, ask, save, look after. A package per noun.

Belongs here: plain functions taking a `Platform` first, returning core values.
Keep out: HTTP, Dagster, printing, drivers.
"""
