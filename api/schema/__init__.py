"""The schema, put together from its subjects."""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from api.schema.access import Context
from api.schema.credit import CreditMutations, CreditQueries
from api.schema.onboarding import OnboardingMutations
from api.schema.resellers import ResellerQueries
from api.schema.terms import TermsMutations, TermsQueries

__all__ = ["Context", "schema"]

#: How many queries each process keeps parsed and checked.
QUERIES_KEPT = 100


@strawberry.type
class Query(ResellerQueries, CreditQueries, TermsQueries):
    """What a token reads."""


@strawberry.type
class Mutation(OnboardingMutations, TermsMutations, CreditMutations):
    """What an admin token does."""


def in_utc(moment: datetime) -> str:
    """Return the moment as RFC 3339 has it, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


MOMENT = strawberry.scalar(
    name="DateTime", description="A moment in UTC as of RFC 3339: `2026-05-14T09:30:00.000Z`.", serialize=in_utc
)


class Schema(strawberry.Schema):
    """A schema whose errors are logged by the view alone, which knows refusals from faults."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        return None


schema = Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map={datetime: MOMENT}),
    # Systems send the same few queries over and over, and to check one takes longer than to parse its variables.
    extensions=[lambda: ParserCache(maxsize=QUERIES_KEPT), lambda: ValidationCache(maxsize=QUERIES_KEPT)],
)
