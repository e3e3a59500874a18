"""An operator's own dbt project: its models are tables beside the saved queries, its tests are checks.

Belongs here: adopting a folder, reading it with dbt, building its models, running its tests.
Keep out: the project saved queries are compiled into (`services/models`), Dagster, HTTP. The folder is set by whoever
runs the machine (command line or environment), never by an API: what stands in it is code that is run.
"""
