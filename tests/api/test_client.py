"""A client that somebody else wrote, on a real server: it reads the schema, sends typed mutations, and meets errors."""

import pytest
from gql import Client, gql
from gql.dsl import DSLMutation, DSLQuery, DSLSchema, dsl_gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError

from accounts.models import User
from resellers.models import Reseller
from tests.api.asking import CREATE, PARTNER, bearer_for


@pytest.fixture(autouse=True)
def _reset(committing: None) -> None:
    """Put the database back after every test."""


def client_of(address: str, bearer: str) -> Client:
    headers = {"Authorization": f"Bearer {bearer}"}
    transport = RequestsHTTPTransport(f"{address}/graphql", headers=headers, timeout=30)
    return Client(transport=transport, fetch_schema_from_transport=True)


@pytest.fixture
def client(asha: User, live_panel: str) -> Client:
    """Return the client with an admin token."""
    return client_of(live_panel, bearer_for(asha))


def test_it_reads_the_schema_and_sends_a_typed_mutation(asha: User, live_panel: str) -> None:
    with client_of(live_panel, bearer_for(asha)) as session:
        assert session.client.schema is not None
        ds = DSLSchema(session.client.schema)
        created = ds.Reseller
        mutation = ds.Mutation.createReseller.args(reseller=PARTNER).select(created.id, created.credit, created.level)

        answer = session.execute(dsl_gql(DSLMutation(mutation)))

        assert answer["createReseller"]["credit"] == "1000"
        assert answer["createReseller"]["level"] == "GOLD"
        items = ds.ResellerPage.items.select(ds.Reseller.email, ds.Reseller.createdAt)
        page = session.execute(dsl_gql(DSLQuery(ds.Query.resellers(size=10).select(items, ds.ResellerPage.total))))
        assert page["resellers"]["total"] == 1
        assert page["resellers"]["items"][0]["email"] == "partner@company.com"


def test_it_reads_a_refusal_with_its_code_and_path(client: Client) -> None:
    query = gql(CREATE)
    query.variable_values = {"reseller": PARTNER}
    client.execute(query)

    with pytest.raises(TransportQueryError) as refused:
        client.execute(query)

    [error] = refused.value.errors or []
    assert error["message"] == "A reseller with this email already exists"
    assert (error["path"], error["extensions"]["code"]) == (["createReseller"], "EMAIL_EXISTS")
    assert Reseller.objects.count() == 1


def test_it_finds_a_wrong_query_in_the_schema_before_it_is_sent(client: Client) -> None:
    with client as session, pytest.raises(GraphQLError, match="Cannot query field 'nothing'"):
        session.execute(gql("{ resellers { nothing } }"))


def test_it_is_told_that_its_token_does_not_count(live_panel: str, asha: User) -> None:
    with pytest.raises(TransportQueryError) as refused:
        client_of(live_panel, "isp_nothing").execute(gql("{ totalResellersCredit }"))

    assert "UNAUTHENTICATED" in str(refused.value.errors)
