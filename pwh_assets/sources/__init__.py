"""Sources: each is a dlt source plus its form fields, in a file named after its type, exporting `SOURCE`.

Belongs here: how to connect to a vendor, what tables it has, and how to read them as dlt resources.
Keep out: where rows go, when they are read, the store, Dagster.
"""
