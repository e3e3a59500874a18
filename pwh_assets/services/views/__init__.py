"""Views: saved queries, their history and files, and building them as tables.

Belongs here: what a person does with a view, and the steps of one build.
Keep out: dbt itself (`models`), keeping one up to date by its changes (`incremental`), when it is due (`freshness`).
"""
