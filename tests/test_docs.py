"""What the documents say about the code is so."""

import re

import pytest
from django.conf import settings

SECURITY = (settings.BASE_DIR / "docs" / "security.md").read_text(encoding="utf-8")
PROOFS = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", SECURITY)))
#: What can be set; where the collected files are is the image's own affair.
VARIABLES = sorted(
    {*re.findall(r"^#?([A-Z_]+)=", (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)}
    - {"STATIC_ROOT"}
)
MODULES = sorted(set(re.findall(r"`((?!tests/)[a-z_]+/[\w/]+(?:\.py)?)`", SECURITY)))


@pytest.mark.parametrize("proof", PROOFS)
def test_every_proof_of_the_security_page_is_there(proof: str) -> None:
    path, _colons, name = proof.partition("::")
    text = (settings.BASE_DIR / path).read_text(encoding="utf-8")

    assert f"def {name or 'test_'}" in text


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_the_security_page_names_is_there(module: str) -> None:
    assert (settings.BASE_DIR / module).exists()


@pytest.mark.parametrize("variable", VARIABLES)
def test_what_can_be_set_reaches_the_containers(variable: str) -> None:
    composed = (settings.BASE_DIR / "docker-compose.yml").read_text(encoding="utf-8")

    assert f" {variable}: " in composed or f"${{{variable}:" in composed
