"""A reseller's colour as it can be read: every colour, in both themes, on everything that words stand on."""

import itertools
import re

import pytest
from django.conf import settings

from ispanel.colours import (
    DARK,
    LIGHT,
    TOKENS,
    BadColour,
    Palette,
    Shades,
    colour_from,
    contrast,
    lch_of,
    rgb_of,
    rgb_of_lch,
    shades,
    stylesheet,
    theme_of,
)

SURFACES = ("canvas", "surface", "sunken", "raised", "hover")
#: What is read on selected rows besides the brand's own text.
ALSO_ON_TINT = ("ink", "ink-2", "ink-3", "danger")
#: 18 steps of each channel.
CUBE = ["#{:02x}{:02x}{:02x}".format(*channels) for channels in itertools.product(range(0, 256, 15), repeat=3)]

# colour: solid and what is on it, their contrast, text on light with its worst contrast, tint, then the same on dark.
TABLE = {
    "#2563eb": ("#2563eb", "#ffffff", "5.17", "#2563eb", "4.53", "#e9f1ff", "#6695f4", "4.83", "#1e2b44"),
    "#e11d48": ("#e11d48", "#ffffff", "4.70", "#c82d46", "4.68", "#ffebeb", "#e66d75", "4.68", "#412022"),
    "#facc15": ("#facc15", "#0b0d10", "12.7", "#826900", "4.63", "#f7f0da", "#facc15", "9.26", "#342a09"),
    "#f97316": ("#f97316", "#0b0d10", "6.94", "#b04d00", "4.70", "#ffece2", "#f97316", "5.12", "#3f2314"),
    "#22c55e": ("#22c55e", "#0b0d10", "8.54", "#007b35", "4.74", "#e3f6e6", "#22c55e", "6.09", "#18321e"),
    "#7c3aed": ("#7c3aed", "#ffffff", "5.70", "#7c3aed", "4.99", "#f0eeff", "#9d84ec", "4.75", "#2c2642"),
    "#111827": ("#111827", "#ffffff", "17.7", "#111827", "15.5", "#e9f0ff", "#8f98ad", "4.91", "#232b3b"),
}


def tokens() -> dict[str, tuple[str, str]]:
    """Return each colour of tokens.css by its name, for light and for dark."""
    css = (settings.BASE_DIR / "static/css/tokens.css").read_text()
    return {
        name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", css)
    }


def worst(colour: str, beneath: list[str]) -> float:
    return min(contrast(colour, surface) for surface in beneath)


@pytest.mark.parametrize("colour", TABLE)
def test_the_shades_are_those_of_the_design(colour: str) -> None:
    solid, on, on_solid, text, text_worst, tint, dark_text, dark_text_worst, dark_tint = TABLE[colour]

    palette = shades(colour)

    light, dark = palette.light, palette.dark
    assert (light.solid, light.on_solid, light.text, light.tint) == (solid, on, text, tint)
    assert (dark.text, dark.tint) == (dark_text, dark_tint)
    assert (dark.solid, dark.on_solid) == ("#444d5f" if colour == "#111827" else solid, on)
    digits = 1 if len(on_solid.replace(".", "")) == 3 and float(on_solid) >= 10 else 2
    assert f"{contrast(light.on_solid, light.solid):.{digits}f}" == on_solid
    assert worst(light.text, [*LIGHT.surfaces, light.tint]) == pytest.approx(float(text_worst), abs=0.051)
    assert worst(dark.text, [*DARK.surfaces, dark.tint]) == pytest.approx(float(dark_text_worst), abs=0.0051)


def test_the_shades_are_fitted_to_the_surfaces_that_there_are() -> None:
    here = tokens()

    assert LIGHT.surfaces == tuple(here[name][0] for name in SURFACES)
    assert DARK.surfaces == tuple(here[name][1] for name in SURFACES)


def test_every_colour_can_be_read_in_both_themes() -> None:
    here = tokens()
    found: dict[str, float] = {}

    for colour in CUBE:
        palette = shades(colour)
        for theme, each in enumerate((palette.light, palette.dark)):
            surfaces = [here[name][theme] for name in SURFACES]
            ratios = {
                "on solid": contrast(each.on_solid, each.solid),
                "on hover": contrast(each.on_solid, each.hover),
                "text": worst(each.text, [*surfaces, each.tint]),
                **{f"{name} on tint": contrast(here[name][theme], each.tint) for name in ALSO_ON_TINT},
            }
            for name, ratio in ratios.items():
                assert ratio >= 4.5, f"{colour}: {name} has {ratio:.2f} in theme {theme}"
                found[name] = min(ratio, found.get(name, 21))

    assert len(CUBE) == 5_832
    assert found["on hover"] == pytest.approx(5.48, abs=0.005)


def test_a_colour_is_found_again_from_lightness_chroma_and_hue() -> None:
    for colour in CUBE[::97]:
        assert rgb_of_lch(lch_of(rgb_of(colour))) == pytest.approx(rgb_of(colour), abs=1e-4)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#123456", "#123456") == 1


def test_under_the_pointer_every_button_changes() -> None:
    for colour in CUBE:
        palette = shades(colour)
        for each in (palette.light, palette.dark):
            assert contrast(each.solid, each.hover) >= 1.05, f"{colour}: {each.solid} becomes {each.hover}"


@pytest.mark.parametrize(
    ("colour", "light", "dark"),
    [
        ("#facc15", ["We darkened links slightly so that they stay readable."], []),
        ("#2563eb", [], ["We lightened links slightly so that they stay readable."]),
        (
            "#111827",
            [],
            ["We lightened it slightly, on buttons and in links, so that text stays readable."],
        ),
        (
            "#0096ff",
            ["We darkened it slightly, on buttons and in links, so that text stays readable."],
            ["We darkened buttons slightly so that text stays readable."],
        ),
        (
            "#e11d48",
            ["We darkened links slightly so that they stay readable."],
            ["We lightened links slightly so that they stay readable."],
        ),
        ("#000000", [], ["We lightened it slightly, on buttons and in links, so that text stays readable."]),
        ("#ffffff", ["We darkened links slightly so that they stay readable."], []),
    ],
)
def test_it_says_what_was_done_to_the_colour_and_where(colour: str, light: list[str], dark: list[str]) -> None:
    palette = shades(colour)

    assert (palette.said_of_light, palette.said_of_dark) == (light, dark)


@pytest.mark.parametrize("typed", ["#facc15", "facc15", "FACC15", " #FaCc15 ", "#FACC15"])
def test_a_colour_is_taken_however_it_is_typed(typed: str) -> None:
    assert colour_from(typed) == "#facc15"


def test_three_digits_stand_for_six() -> None:
    assert colour_from("#aBc") == colour_from("abc") == "#aabbcc"


@pytest.mark.parametrize(
    "typed", ["", "#", "#facc1", "#facc155", "yellow", "#ggg", "#1234", "rgb(1,2,3)", "#٣٣٣", "#fff;}", "##fff"]
)
def test_what_is_no_colour_is_refused(typed: str) -> None:
    with pytest.raises(BadColour, match="six hexadecimal digits"):
        colour_from(typed)


def test_the_stylesheet_sets_the_brand_and_nothing_else() -> None:
    digest, css = theme_of("#facc15")

    assert set(re.findall(r"--[\w-]+", css)) == set(TOKENS.values())
    assert "--brand-text: light-dark(#826900, #facc15);" in css
    assert "borrowed" not in css
    assert re.fullmatch(r"[0-9a-f]{32}", digest)
    assert theme_of("#facc16")[0] != digest


def test_the_stylesheet_of_a_colour_stays_what_it_is() -> None:
    """What is kept under a digest must not change: see the head of `ispanel.colours`."""
    assert theme_of("#0f766e")[0] == "4eeff9eab430dcd00ad714a9ce3b6a54"


def test_a_preview_is_confined_to_its_element() -> None:
    assert stylesheet(shades("#abcdef"), selector=".brand-preview").count(":root") == 0


def test_the_shades_are_those_of_tokens_css() -> None:
    css = (settings.BASE_DIR / "static/css/tokens.css").read_text()

    assert all(f"    {token}: " in css for token in TOKENS.values())
    assert isinstance(shades("#0f766e"), Palette)
    assert list(TOKENS) == list(Shades.__dataclass_fields__)
