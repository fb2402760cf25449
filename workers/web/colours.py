"""The brand's colour, made readable: darker on light paper, lighter on dark, by the contrast that WCAG 2.2 asks for.

Pure arithmetic. The formulas are WCAG 2.2, "relative luminance" and "contrast ratio".
"""

LIGHT_PAPER = "#f4f1ec"  # --paper of the light scheme in templates/static/boucle.css, darker than the cards on it
DARK_CARD = "#262320"  # --card of the dark scheme, lighter than the paper under it
READABLE = 5.0  # contrast of text; AA asks for 4.5
STEP = 0.04

Rgb = tuple[float, float, float]


def stylesheet(colour: str) -> str:
    """Return the two tokens that follow from the brand's colour (`#rrggbb`), for both schemes."""
    light, dark = toward(colour, (0.0, 0.0, 0.0), LIGHT_PAPER), toward(colour, (1.0, 1.0, 1.0), DARK_CARD)
    return (
        f":root{{--accent:{light};--on-accent:{ink_on(light)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:{ink_on(dark)}}}}}\n"
    )


def toward(colour: str, end: Rgb, ground: str) -> str:
    """Return the colour, moved towards black or white in small steps until text in it can be read on the ground."""
    start, part = rgb(colour), 0.0
    found = colour.lower()
    while contrast(found, ground) < READABLE and part < 1:
        part = min(1.0, part + STEP)
        found = hexadecimal(tuple(a + (b - a) * part for a, b in zip(start, end, strict=True)))
    return found


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Return how light a colour is, from 0 to 1."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def rgb(colour: str) -> Rgb:
    """Return the parts of `#rrggbb`, each from 0 to 1."""
    r, g, b = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return r, g, b


def hexadecimal(parts: tuple[float, ...]) -> str:
    """Return `#rrggbb`."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)
