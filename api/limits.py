"""How large a request may be, looked at before anything of it is carried out.

The text is measured by its tokens before it is parsed, the parsed query before it is validated: each step is bounded by
the one before. Requests per minute are counted by token; see `accounts.operations.tokens`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Source,
    TokenKind,
    VariableNode,
    get_operation_ast,
    parse,
)
from graphql.language import Lexer

from api.problems import Problem, invalid, of_request

#: Bytes of a request's body.
MAX_BODY = 64 * 1024
#: Words, numbers, texts and brackets of a query.
MAX_TOKENS = 500
#: Brackets within brackets.
MAX_NESTING = 30
#: Fields within fields; those of an introspection have a limit of their own.
MAX_DEPTH = 8
MAX_ALIASES = 20
#: Fields of the answer, counted as below.
MAX_COST = 10_000

#: The rows of a page of resellers: when nothing is said, and at most.
PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
#: How many rows a list is counted as, where its size is not asked for.
ROWS = {"serviceGroups": 10, "getResellersCredits": 100, "getResellersLevels": 4}

OPENING = (TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L)
CLOSING = (TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R)


def too_deep() -> Problem:
    return Problem("MAX_DEPTH", _("The query is nested too deeply: %(most)d levels at most.") % {"most": MAX_DEPTH})


def parsed(query: str) -> DocumentNode:
    """Return the parsed query.

    :raises Problem: where it is no GraphQL, too long, or nested too deeply for any query of ours.
    """
    try:
        check_tokens(query)
        return parse(query, no_location=False)
    except GraphQLSyntaxError as error:
        raise of_request(error) from None
    except RecursionError:
        raise too_deep() from None


def check_tokens(query: str) -> None:
    """:raises Problem, GraphQLSyntaxError:"""
    lexer, tokens, nested = Lexer(Source(query)), 0, 0
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        tokens += 1
        nested += (token.kind in OPENING) - (token.kind in CLOSING)
        if tokens > MAX_TOKENS:
            raise Problem("MAX_TOKENS", _("The query is too long: %(most)d tokens at most.") % {"most": MAX_TOKENS})
        if nested > MAX_NESTING:
            raise too_deep()


def chosen_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation that is to be carried out.

    :raises Problem: where there is none of the name, or several and no name, or it is a subscription.
    """
    operation = get_operation_ast(document, name)
    if operation is None:
        raise invalid(_("Name one of the query's operations in operationName."), field="operationName")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise invalid(_("There are no subscriptions here."))
    return operation


@dataclass(frozen=True)
class Size:
    """How deep, how often renamed and how costly a part of a query is."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: Size) -> Size:
        return Size(max(self.depth, other.depth), self.aliases + other.aliases, self.cost + other.cost)


@dataclass
class Measure:
    """Measures the operations of a document; each fragment once, so that it is quick however they are nested."""

    document: DocumentNode
    variables: Mapping[str, Any]
    fragments: dict[str, Size] = field(default_factory=dict)

    def __post_init__(self) -> None:
        definitions = self.document.definitions
        self.defined = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}

    def of_all(self) -> Size:
        """Return the size of all operations together, though one alone is carried out."""
        size = Size()
        for definition in self.document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                size = size.beside(self.of(definition.selection_set))
        return size

    def of(self, selections: SelectionSetNode | None) -> Size:
        size = Size()
        for node in selections.selections if selections else ():
            match node:
                case FieldNode():
                    size = size.beside(self.of_field(node))
                case FragmentSpreadNode():
                    size = size.beside(self.of_fragment(node.name.value))
                case InlineFragmentNode():
                    size = size.beside(self.of(node.selection_set))
        return size

    def of_field(self, node: FieldNode) -> Size:
        inner = self.of(node.selection_set)
        depth = 0 if node.name.value.startswith("__") else inner.depth
        return Size(1 + depth, inner.aliases + (node.alias is not None), 1 + self.rows_of(node) * inner.cost)

    def of_fragment(self, name: str) -> Size:
        if name not in self.fragments:
            # One that holds itself counts as nothing here; validation refuses it.
            self.fragments[name] = Size()
            found = self.defined.get(name)
            self.fragments[name] = self.of(found.selection_set) if found else Size()
        return self.fragments[name]

    def rows_of(self, node: FieldNode) -> int:
        """Return how many rows the field is counted as."""
        if node.name.value != "resellers":
            return ROWS.get(node.name.value, 1)
        asked: Any = PAGE_SIZE
        for argument in node.arguments or ():
            if argument.name.value == "size":
                asked = MAX_PAGE_SIZE
                if isinstance(argument.value, IntValueNode) and len(argument.value.value) < len(str(2**31)):
                    asked = int(argument.value.value)
                elif isinstance(argument.value, VariableNode):
                    asked = self.variables.get(argument.value.name.value, MAX_PAGE_SIZE)
        return asked if isinstance(asked, int) and 0 < asked < MAX_PAGE_SIZE else MAX_PAGE_SIZE


def check_size(document: DocumentNode, variables: Mapping[str, Any]) -> None:
    """:raises Problem: where the query asks for too much."""
    try:
        size = Measure(document, variables).of_all()
    except RecursionError:
        raise too_deep() from None
    if size.depth > MAX_DEPTH:
        raise too_deep()
    if size.aliases > MAX_ALIASES:
        raise Problem("MAX_ALIASES", _("The query has too many aliases: %(most)d at most.") % {"most": MAX_ALIASES})
    if size.cost > MAX_COST:
        sentence = _("The query costs %(cost)d and may cost %(most)d. Ask for fewer rows or fields at a time.")
        raise Problem("MAX_COST", sentence % {"cost": min(size.cost, 10**9), "most": MAX_COST})


def check_one_act(document: DocumentNode, operation: OperationDefinitionNode) -> None:
    """Check that there is one mutation: each request is carried out as a whole, or not at all.

    :raises Problem:
    """
    if operation.operation is not OperationType.MUTATION:
        return
    defined = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    acts = [name for name in root_fields(operation.selection_set, defined, set()) if not name.startswith("__")]
    if len(acts) > 1:
        raise invalid(_("Send one mutation at a time: each request is carried out as a whole, or not at all."))


def root_fields(
    selections: SelectionSetNode, defined: Mapping[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[str]:
    """Yield the names of the fields at the root, those in fragments too, each fragment once."""
    for node in selections.selections:
        match node:
            case FieldNode():
                yield node.name.value
            case InlineFragmentNode():
                yield from root_fields(node.selection_set, defined, seen)
            case FragmentSpreadNode() if node.name.value in defined and node.name.value not in seen:
                seen.add(node.name.value)
                yield from root_fields(defined[node.name.value].selection_set, defined, seen)
