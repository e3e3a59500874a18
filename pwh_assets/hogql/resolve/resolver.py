"""The resolver as a whole."""

from sqlglot import exp

from pwh_assets.hogql.resolve.core import TooManyProblems
from pwh_assets.hogql.resolve.nodes import Query
from pwh_assets.hogql.resolve.queries import Queries


class Resolver(Queries):
    """One use per text: `run` gives the logical tree or raises with every problem found."""

    def run(self, tree: exp.Expression) -> Query:
        """The logical tree of a query.

        Raises:
            HogQLError: with every independent mistake, in order of position.
        """
        try:
            query = self.query(tree, {}, None)
        except TooManyProblems:
            self.fail()
            raise
        self.fail()
        return query
