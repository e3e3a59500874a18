{#
  Every model is a table of the lake's schema `views`, without dbt's prefixes. In ClickHouse it stands in the database
  of its build, or, where none is running, in the project's.
#}

{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- if target.type == 'clickhouse' and custom_schema_name == 'views' -%}
    {{ target.schema }}
  {%- else -%}
    {{ custom_schema_name or target.schema }}
  {%- endif -%}
{%- endmacro %}

{% macro generate_database_name(custom_database_name, node) -%}
  {{ custom_database_name or target.database }}
{%- endmacro %}
