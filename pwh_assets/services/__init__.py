"""What a person does with the product: connect, sync, ask, save, look after. A file per thing done.

Belongs here: plain functions taking a `Platform` first, returning core values.
Keep out: HTTP, Dagster, printing, drivers.
"""
