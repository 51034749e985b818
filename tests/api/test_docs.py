"""docs/api.md: each of its requests is sent to a real server and answered as it says, and what it says is so."""

import json
import re
import shlex
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command

from accounts.models import User
from api import limits
from api.problems import CODES, STATUSES
from api.schema import schema
from plans.models import ServiceGroup
from resellers.models import Reseller
from tests.api.asking import bearer_for

PAGE = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```sh\n(curl .*?)\n```\n\n```json\n(.*?)\n```", PAGE.partition("## The operations")[2], re.DOTALL
)
#: The ids of the page's reseller and service group.
RESELLER, GROUP = "7", "3"


def sent(command: str, variables: dict[str, str]) -> Any:
    """Send what the curl command would send, and return the answer."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    curl, url, *options = shlex.split(command)
    assert curl == "curl"
    headers = dict(value.split(": ", 1) for flag, value in pairs(options) if flag == "-H")
    [data] = [value for flag, value in pairs(options) if flag == "-d"]
    request = urllib.request.Request(url, data.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return json.loads(refused.read())


def pairs(options: list[str]) -> list[tuple[str, str]]:
    found = list(zip(options[::2], options[1::2], strict=True))
    assert {flag for flag, _value in found} <= {"-H", "-d"}
    return found


def with_ids(pattern: str, text: str, group: ServiceGroup) -> str:
    """Return the text with the ids of what is there in the place of the page's."""
    ids = {GROUP: str(group.pk)}
    if made := Reseller.objects.first():
        ids[RESELLER] = str(made.pk)
    return re.sub(pattern, lambda found: found[1] + ids[found[2]] + found[3], text)


def without_moments(answer: Any) -> Any:
    return json.loads(re.sub(r'"20\d\d-[^"]*Z"', '"a moment"', json.dumps(answer)))


def test_every_request_of_the_page_is_answered_as_it_says(committing: None, asha: User, live_panel: str) -> None:
    variables = {"PANEL": live_panel, "TOKEN": bearer_for(asha)}
    group = ServiceGroup.objects.get()
    wrong = []

    for command, told in EXAMPLES:
        asked = with_ids(r'((?:id"?|Id): )(\d)()\b', command, group)
        answer = sent(asked, variables)
        told = with_ids(r'("id": ")(\d)(")', told, group)
        if without_moments(answer) != without_moments(json.loads(told)):
            wrong.append(f"{command}\nis answered\n{json.dumps(answer, indent=2)}\nand not\n{told}")

    assert not wrong, "\n\n".join(wrong)


def test_the_page_has_a_request_for_each_operation() -> None:
    operations = {
        schema.config.name_converter.get_graphql_name(field)
        for root in ("Query", "Mutation")
        for field in schema.get_type_by_name(root).fields  # type: ignore[union-attr]
    }

    shown = {name for name in operations if any(re.search(rf"\b{name}\b", command) for command, _told in EXAMPLES)}

    assert shown == operations
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == operations


def test_the_page_has_every_code_and_every_limit() -> None:
    codes = {code for code in CODES.values() if isinstance(code, str)} | set(STATUSES)
    numbers = (limits.MAX_BODY, limits.MAX_TOKENS, limits.MAX_DEPTH, limits.MAX_ALIASES, limits.MAX_COST)

    assert not [code for code in codes if f"`{code}`" not in PAGE]
    assert not [number for number in numbers if f"| {number:,} |" not in PAGE]
    assert f"| {limits.MAX_PAGE_SIZE} |" in PAGE


def test_the_schema_file_is_what_the_code_has() -> None:
    call_command("write_schema", check=True)
