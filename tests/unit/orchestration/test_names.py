"""Which job syncs a source, told by an inventory and by the graph alone."""

from pwh_assets.core.source import Source
from pwh_assets.orchestration import names


def test_the_graph_alone_names_the_job_an_inventory_names(make_table, make_view, inventory_of):
    sources = [Source(f"s{n}", 1, "postgres", prefix=f"p{n}_") for n in range(names.MOST_JOBS + 1)]
    for count in (1, 2, names.MOST_JOBS, names.MOST_JOBS + 1):
        tables = [make_table("users", source) for source in sources[:count]]
        views = [make_view("daily", ["p0_users"]), make_view("kept", is_materialized=True)]
        inventory = inventory_of(tables, views)
        for source in sources[:count]:
            named = names.sync_job_in(inventory.graph, 1, source.slug)
            assert named == names.sync_job_name(inventory, source.slug)
    assert named == "sync"
