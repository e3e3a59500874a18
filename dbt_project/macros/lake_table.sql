{#
  A table of the lake: the answer is computed beside it while others go on writing, audited, then put in its place
  in one transaction under the lake's lock. Readers see the old table or the new one. The steps are those of
  `pwh_assets.services.models.publication`, taken by the plugin.
#}
{% materialization lake_table, adapter='duckdb' %}
  {%- set target_relation = this.incorporate(type='table') -%}

  {% do adapter.store_relation('lake', target_relation, [], '', '', {'sql': compiled_code}) %}

  {% call noop_statement('main', 'OK') %}
    {{ compiled_code }}
  {% endcall %}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#
  The same in ClickHouse: a table in the database of this build alone, with the types the lake will have. What
  follows is PWH's: the rows go to the lake, are audited and published there, and the table becomes the copy that
  queries on ClickHouse read.
#}
{% materialization lake_table, adapter='clickhouse' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set columns = model.columns.values() -%}

  {% if target_relation.schema == target.schema %}
    {{ exceptions.raise_compiler_error("Views are built by `pwh view run`, which publishes them too.") }}
  {% endif %}

  {% call statement('main') %}
    create table {{ target_relation }} (
      {%- for column in columns %}
      `{{ column.name }}` {{ column.data_type }}{{ "," if not loop.last }}
      {%- endfor %}
    )
    engine = MergeTree order by tuple() as
    {{ compiled_code }}
  {% endcall %}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
