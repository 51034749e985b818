"""From one colour that somebody chose to the shades in which it can be read, and the stylesheet made of them.

Lightness, chroma and hue are those of OKLCH, the polar form of OKLab (Björn Ottosson, "A perceptual color space for
image processing", https://bottosson.github.io/posts/oklab/). Contrast is that of WCAG 2.2, success criterion 1.4.3
(https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio): 4.5 to 1 for text.

`Branding.theme` holds the digest of what `theme_of` made. Whoever changes what it makes renews those in a migration.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from django.utils.translation import gettext as _

from ispanel.refusals import Refusal

#: Red, green and blue, each from 0 to 1.
Rgb: TypeAlias = tuple[float, float, float]
#: Lightness from 0 to 1, chroma, and hue in degrees.
Lch: TypeAlias = tuple[float, float, float]

READABLE = 4.5
WHITE, NEAR_BLACK = "#ffffff", "#0b0d10"
#: From this lightness on a colour carries dark words; a darker one is darkened until it carries white ones.
LIGHT_ENOUGH_FOR_DARK_WORDS = 0.70
#: What is darker does not show on a dark page.
VISIBLE_ON_DARK = 0.42
#: Between these, what is under the pointer is a little darker under white words and a little lighter under dark ones;
#: beyond, where that would not show, it goes the other way.
DARK_END, LIGHT_END = 0.18, 0.96
#: How far a colour is moved at a time until it can be read.
STEP = 0.01
#: How a colour may be typed: # may be missing, and one digit stand for two.
TYPED = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII)
#: What the five shades are called in static/css/tokens.css, by the names of `Shades`.
TOKENS = {
    "solid": "--brand-solid",
    "on_solid": "--brand-on",
    "hover": "--brand-hover",
    "text": "--brand-text",
    "tint": "--brand-tint",
}


class BadColour(Refusal):
    """What was typed is no colour."""

    field = "colour"

    def __init__(self) -> None:
        super().__init__(_("Enter a colour as # and six hexadecimal digits, as in #0f766e."))


@dataclass(frozen=True)
class Ground:
    """What words stand on in one theme, and how a colour is fitted to it."""

    #: Canvas, surface, sunken, raised and hover of static/css/tokens.css.
    surfaces: tuple[str, ...]
    #: Lightness and highest chroma of the tint.
    tint: tuple[float, float]
    #: Which way words become readable, from which lightness they set out, and their highest chroma.
    step: float
    start: Callable[[float], float]
    chroma: float


LIGHT = Ground(
    ("#f9fafb", "#ffffff", "#f2f3f5", "#ffffff", "#eef0f3"),
    tint=(0.955, 0.03),
    step=-STEP,
    start=lambda lightness: min(lightness, 0.55),
    chroma=0.19,
)
DARK = Ground(
    ("#0c0f12", "#14171b", "#080a0d", "#1d2125", "#22262b"),
    tint=(0.29, 0.05),
    step=STEP,
    start=lambda lightness: max(lightness, 0.68),
    chroma=0.15,
)


@dataclass(frozen=True)
class Shades:
    """A colour in one theme, in hexadecimal digits."""

    #: Of buttons, with what is written on them, and under the pointer.
    solid: str
    on_solid: str
    hover: str
    #: Of links, of the page that is open, of the ring around what has the focus; read on every surface and the tint.
    text: str
    #: Of selected rows, and of the sign-in page.
    tint: str


@dataclass(frozen=True)
class Palette:
    """A colour as it is shown in both themes."""

    colour: str
    light: Shades
    dark: Shades

    @property
    def said_of_light(self) -> list[str]:
        """What was done to the colour on light ground, in words; nothing where it is as it was chosen."""
        return said_of(self.colour, self.light)

    @property
    def said_of_dark(self) -> list[str]:
        """The same on dark ground."""
        return said_of(self.colour, self.dark)


def said_of(colour: str, shades: Shades) -> list[str]:
    """Return in words what was done to a colour, of buttons and of links; nothing where they are as it was chosen."""
    buttons, links = turned(colour, shades.solid), turned(colour, shades.text)
    if buttons == links == -1:
        return [_("We darkened it slightly, on buttons and in links, so that text stays readable.")]
    if buttons == links == 1:
        return [_("We lightened it slightly, on buttons and in links, so that text stays readable.")]
    said = {
        ("buttons", -1): _("We darkened buttons slightly so that text stays readable."),
        ("buttons", 1): _("We lightened buttons slightly so that they can be seen."),
        ("links", -1): _("We darkened links slightly so that they stay readable."),
        ("links", 1): _("We lightened links slightly so that they stay readable."),
    }
    return [said[what, way] for what, way in (("buttons", buttons), ("links", links)) if way]


def turned(colour: str, shade: str) -> int:
    """Return 1 for a shade that is lighter than the colour, -1 for a darker one, and 0 for one as light."""
    chosen, found = lightness_of(colour), lightness_of(shade)
    return (found > chosen) - (found < chosen)


# --- a colour and its numbers -----------------------------------------------------------------------------------------


def colour_from(typed: str) -> str:
    """Return a typed colour as # and six digits in lower case.

    :raises BadColour:
    """
    found = TYPED.fullmatch(typed.strip().lower())
    if found is None:
        raise BadColour
    digits = found[1]
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def rgb_of(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def in_digits(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(clipped(channel) * 255):02x}" for channel in rgb)


def clipped(channel: float) -> float:
    return max(0.0, min(1.0, channel))


def linear(channel: float) -> float:
    """Return the light of a channel of sRGB (IEC 61966-2-1)."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def encoded(light: float) -> float:
    """Return the channel of sRGB for an amount of light; what is less than none stays so."""
    return 12.92 * light if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)


def lch_of(rgb: Rgb) -> Lch:
    """Return the colour in OKLCH."""
    red, green, blue = map(linear, rgb)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def rgb_of_lch(lch: Lch) -> Rgb:
    """Return the colour in sRGB, whose channels go beyond 0 and 1 where no screen shows it."""
    lightness, chroma, hue = lch
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def shown(lightness: float, chroma: float, hue: float) -> str:
    """Return the colour as a screen shows it: with as much of the chroma as it can."""
    if is_showable(whole := rgb_of_lch((lightness, chroma, hue))):
        return in_digits(whole)
    low, high = 0.0, chroma
    for _time in range(24):
        middle = (low + high) / 2
        if is_showable(rgb_of_lch((lightness, middle, hue))):
            low = middle
        else:
            high = middle
    return in_digits(rgb_of_lch((lightness, low, hue)))


def is_showable(rgb: Rgb) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in rgb)


def lightness_of(colour: str) -> float:
    return lch_of(rgb_of(colour))[0]


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    red, green, blue = map(linear, rgb_of(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2 between two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


# --- shades -----------------------------------------------------------------------------------------------------------


def shades(colour: str) -> Palette:
    """Return the shades in which a colour can be read in both themes.

    :param colour: as `colour_from` returns it.
    """
    solid, on_solid = solid_of(colour)
    dark_solid, on_dark_solid = solid, on_solid
    if lightness_of(solid) < VISIBLE_ON_DARK:
        _lightness, chroma, hue = lch_of(rgb_of(colour))
        dark_solid, on_dark_solid = shown(VISIBLE_ON_DARK, min(chroma, 0.17), hue), WHITE
    return Palette(
        colour, shades_on(LIGHT, colour, solid, on_solid), shades_on(DARK, colour, dark_solid, on_dark_solid)
    )


def solid_of(colour: str) -> tuple[str, str]:
    """Return the colour of buttons, and of what is written on them."""
    if contrast(colour, WHITE) >= READABLE:
        return colour, WHITE
    lightness, chroma, hue = lch_of(rgb_of(colour))
    if lightness >= LIGHT_ENOUGH_FOR_DARK_WORDS:
        return colour, NEAR_BLACK
    return moved((lightness, chroma, hue), -STEP, [WHITE]), WHITE


def shades_on(ground: Ground, colour: str, solid: str, on_solid: str) -> Shades:
    """Return the shades of a colour in one theme, of which the solid one is found already."""
    lightness, chroma, hue = lch_of(rgb_of(colour))
    tint_lightness, tint_chroma = ground.tint
    tint = shown(tint_lightness, min(chroma, tint_chroma), hue)
    beneath = [*ground.surfaces, tint]
    text = colour
    if not is_readable(colour, beneath):
        text = moved((ground.start(lightness), min(chroma, ground.chroma), hue), ground.step, beneath)
    return Shades(solid, on_solid, shown(hover_from(lightness_of(solid), on_solid), chroma, hue), text, tint)


def hover_from(lightness: float, on_solid: str) -> float:
    """Return how light a button of this lightness is under the pointer."""
    if on_solid == WHITE:
        return lightness + (0.18 if lightness < DARK_END else -0.05)
    return lightness + (-0.05 if lightness > LIGHT_END else 0.04)


def moved(lch: Lch, step: float, beneath: Sequence[str]) -> str:
    """Return the first colour from here on, lighter or darker, that is readable with all of these."""
    lightness, chroma, hue = lch
    found = shown(lightness, chroma, hue)
    while not is_readable(found, beneath):
        lightness = clipped(lightness + step)
        found = shown(lightness, chroma, hue)
    return found


def is_readable(colour: str, beneath: Sequence[str]) -> bool:
    return all(contrast(colour, surface) >= READABLE for surface in beneath)


# --- the stylesheet ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def theme_of(colour: str) -> tuple[str, str]:
    """Return the digest and the text of the stylesheet that gives the panel's brand tokens this colour's shades.

    It holds for light, for dark and for what `data-theme` says, since the tokens' colour scheme decides which is used.
    """
    css = stylesheet(shades(colour), selector=":root")
    return hashlib.sha256(css.encode()).hexdigest()[:32], css


def stylesheet(palette: Palette, *, selector: str) -> str:
    """Return what gives an element, and all within it, the shades for the brand."""
    lines = [
        f"    {token}: light-dark({getattr(palette.light, name)}, {getattr(palette.dark, name)});\n"
        for name, token in TOKENS.items()
    ]
    return f"@layer tokens {{\n  {selector} {{\n{''.join(lines)}  }}\n}}\n"
