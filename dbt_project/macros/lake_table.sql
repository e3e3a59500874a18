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
