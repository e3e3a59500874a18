{#
  A table of the lake, replaced as a whole: the answer is computed beside it while others go on writing, then
  put in its place in one transaction under the lake's lock. Readers see the old table or the new one.
#}
{% materialization lake_table, adapter='duckdb' %}
  {%- set target_relation = this.incorporate(type='table') -%}

  {% call statement('stage', auto_begin=False) %}
    create or replace temp table "pwh_stage" as
    {{ compiled_code }}
  {% endcall %}

  {% do adapter.store_relation('lake', target_relation, [], '', '', {}) %}

  {% call statement('main', auto_begin=False) %}
    create or replace table {{ target_relation }} as from "pwh_stage"
  {% endcall %}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
