{# Every model is a table of the lake's schema `views`, without dbt's prefixes. #}

{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}

{% macro generate_database_name(custom_database_name, node) -%}
  {{ custom_database_name or target.database }}
{%- endmacro %}
