"""What all engines' SQL has in common: a printer of the logical tree that asks the engine for its spellings."""

from pwh_assets.hogql.lower.clauses import cte_sql, query_sql
from pwh_assets.hogql.lower.names import Relation
from pwh_assets.hogql.lower.values import NO_NODE, TooLong, Values
from pwh_assets.hogql.resolve.nodes import Cte, Query


class Lowering(Values):
    """Prints one query for one engine. One use per query."""

    def statement(self, query: Query) -> str:
        body = query_sql(self, query, query.names, None)
        if self.ctes:
            if body.startswith("("):
                body = f"SELECT * FROM ({body}) AS {self.identifier(self.fresh('u'))}"
            word = "WITH RECURSIVE " if self.has_recursion else "WITH "
            return f"{word}{', '.join(self.ctes)} {body}"
        return body

    def cte(self, cte: Cte) -> str:
        """The name of a named query, which is printed at its first use."""
        name = self.cte_names.get(id(cte))
        if name is None:
            name = self.cte_names[id(cte)] = self.fresh(cte.name)
            sql = cte_sql(self, cte, name)
            self.ctes.append(sql)
        return name

    def subquery(self, query: Query) -> str:
        return query_sql(self, query, query.names, None)


__all__ = ["NO_NODE", "Lowering", "Relation", "TooLong"]
