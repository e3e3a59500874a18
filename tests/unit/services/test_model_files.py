import json
from dataclasses import replace

from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.models import Model, ModelText, Target, generate, model_name
from pwh_assets.services.models.project import escape
from pwh_assets.services.models.runner import first_sentence
from pwh_assets.services.models.slices import slice_of
from pwh_assets.settings import Settings


def model(name, sql, description="", **tokens):
    view = SavedQuery(
        f"id-{name}",
        1,
        name,
        "hogql",
        description=description,
        owner="ann",
        columns=(Column("n", "BIGINT", True, "How many {{ x }}"),),
    )
    return Model(view, ModelText(sql, tokens))


def project(tmp_path, *models):
    return generate(Settings(home=tmp_path), 1, models)


def text(project, path):
    return (project.folder / path).read_text()


def test_models_of_clickhouse_have_types_and_all_they_read_stands_in_the_database_of_the_build(
    tmp_path,
):
    columns = (Column("n", "BIGINT"), Column("at", "TIMESTAMP WITH TIME ZONE"))

    def typed(name, **tokens):
        sql = f"select n, at from {' join '.join(tokens)}"
        return Model(SavedQuery(f"id-{name}", 1, name, ""), ModelText(sql, tokens, columns))

    models = (
        typed("mrr", T0=("stripe", "invoice")),
        typed("top.mrr", T0=("views", "mrr"), T1=("product", "events")),
    )
    made = generate(Settings(home=tmp_path), 1, models, Target.CLICKHOUSE)
    assert made.folder.name == "1-clickhouse"
    assert '{{ config(alias="views__top.mrr") }}' in text(made, "models/top__mrr.sql")
    (described,) = json.loads(text(made, "models/mrr.yml"))["models"]
    assert [each["data_type"] for each in described["columns"]] == [
        "Nullable(Int64)",
        "Nullable(DateTime64(6, 'UTC'))",
    ]
    kept = [Model(each.view, None) for each in models]
    assert generate(Settings(home=tmp_path), 1, kept, Target.CLICKHOUSE) == replace(
        made, written=()
    )

    part = slice_of(made, "top__mrr", "build_7").files
    assert part["models/top__mrr.sql"].startswith(
        '{{ config(alias="views__top.mrr", schema="build_7") }}'
    )
    assert (
        part["models/mrr.sql"] == '{{ config(alias="views__mrr", schema="build_7") }}\nselect 1\n'
    )
    (source,) = json.loads(part["models/0_sources.yml"])["sources"]
    assert (source["schema"], source["tables"]) == (
        "build_7",
        [{"name": "events", "identifier": "product__events"}],
    )


def test_views_are_refs_and_synced_and_product_tables_are_sources(tmp_path):
    made = project(
        tmp_path,
        model(
            "mrr", "select 1 n from T0 join T1", T0=("stripe", "invoice"), T1=("product", "events")
        ),
        model("top.mrr", "select n from T0", T0=("views", "mrr")),
    )
    assert text(made, "models/mrr.sql").splitlines() == [
        '{{ config(alias="mrr") }}',
        'select 1 n from {{ source("stripe", "invoice") }} join {{ source("product", "events") }}',
    ]
    assert '{{ config(alias="top.mrr") }}' in text(made, "models/top__mrr.sql")
    assert '{{ ref("mrr") }}' in text(made, "models/top__mrr.sql")
    sources = json.loads(text(made, "models/0_sources.yml"))["sources"]
    assert [(s["name"], [t["name"] for t in s["tables"]]) for s in sources] == [
        ("product", ["events"]),
        ("stripe", ["invoice"]),
    ]


def test_a_view_that_is_no_model_is_read_as_a_source(tmp_path):
    made = project(tmp_path, model("a", "select n from T0", T0=("views", "gone")))
    assert '{{ source("views", "gone") }}' in text(made, "models/a.sql")


def test_the_same_models_write_nothing_and_a_changed_one_writes_itself(tmp_path):
    one, two = model("a", "select 1 n"), model("b", "select 2 n")
    first = project(tmp_path, one, two)
    assert project(tmp_path, two, one) == type(first)(first.folder, first.digest, ())
    changed = project(tmp_path, one, model("b", "select 3 n"))
    assert changed.written == ("models/b.sql",) and changed.digest != first.digest


def test_a_slice_is_a_model_with_the_names_of_what_it_reads_and_changes_with_nothing_else(tmp_path):
    base = model("base", "select 1 n from T0", T0=("stripe", "invoice"))
    mrr = model("mrr", "select n from T0", T0=("views", "base"))
    top = model("top.mrr", "select n from T0", T0=("views", "mrr"))
    made = project(tmp_path, base, mrr, top, model("other", "select 2 n"))
    part = slice_of(made, "top__mrr")
    assert {path for path in part.files if path.startswith("models/")} == {
        "models/0_sources.yml",
        "models/mrr.sql",
        "models/top__mrr.sql",
        "models/top__mrr.yml",
    }
    assert part.files["models/mrr.sql"] == '{{ config(alias="mrr") }}\nselect 1\n'
    longer = model("mrr", "select n + 1 n from T0", T0=("views", "base"))
    again = project(tmp_path, base, longer, top, model("other", "select 3 n"))
    assert slice_of(again, "top__mrr") == part
    assert slice_of(again, "mrr").digest != slice_of(made, "base").digest
    assert slice_of(made, "gone").template == part.template


def test_files_of_a_removed_view_go(tmp_path):
    project(tmp_path, model("a", "select 1 n"), model("b", "select 2 n"))
    made = project(tmp_path, model("a", "select 1 n"))
    assert sorted(file.name for file in (made.folder / "models").iterdir()) == [
        "0_sources.yml",
        "a.sql",
        "a.yml",
    ]


def test_a_model_without_a_text_keeps_its_file(tmp_path):
    one = model("a", "select 1 n from T0", T0=("stripe", "invoice"))
    first = project(tmp_path, one)
    again = project(tmp_path, Model(one.view, None))
    assert again.digest == first.digest and again.written == ()


def test_braces_of_the_user_reach_no_template(tmp_path):
    import jinja2

    hostile = "select '{{ env_var(1) }} {% do x %} {# c #} {{{ }}'"
    assert jinja2.Template(escape(hostile)).render() == hostile
    made = project(tmp_path, model("a", hostile, description="{{ env_var('HOME') }}"))
    words = json.loads(text(made, "models/a.yml"))["models"][0]
    assert jinja2.Template(words["description"]).render() == "{{ env_var('HOME') }}"
    assert jinja2.Template(words["columns"][0]["description"]).render() == "How many {{ x }}"
    assert words["config"]["meta"] == {"owner": "ann"}


def test_dbt_names_have_no_dots():
    assert model_name("revenue.mrr") == "revenue__mrr"


def test_an_error_of_dbt_becomes_one_sentence():
    said = (
        "Runtime Error in model a (models/a.sql)\n  Binder Error: No such column x\n  \n  LINE 3: x\n"
        "          ^\n  compiled code at target/run/pwh/models/a.sql"
    )
    assert first_sentence(said) == "Binder Error: No such column x."
    assert first_sentence("") == "dbt gave no reason."
