"""The brand's colour, made readable: darker on light paper, lighter on dark, by the contrast that WCAG 2.2 asks for.

The hue stays, the lightness moves. Pure arithmetic; the formulas are WCAG 2.2,
"relative luminance" and "contrast ratio".
"""

from colorsys import hls_to_rgb, rgb_to_hls

LIGHT_GROUND = "#f4f1ec"  # --paper of the light scheme in templates/static/boucle.css, darker than the cards on it
DARK_GROUND = "#262320"  # --card of the dark scheme, lighter than the paper under it
READABLE = 5.0  # contrast of text; AA asks for 4.5
STEP = 0.02  # of lightness

Rgb = tuple[float, float, float]


def stylesheet(colour: str) -> str:
    """Return the two tokens that follow from the brand's colour (`#rrggbb`), for both schemes."""
    light, dark = readable(colour, LIGHT_GROUND, -STEP), readable(colour, DARK_GROUND, STEP)
    return (
        f":root{{--accent:{light};--on-accent:{ink_on(light)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:{ink_on(dark)}}}}}\n"
    )


def readable(colour: str, ground: str, step: float) -> str:
    """Return the colour, made darker (step below 0) or lighter until text in it can be read on the ground."""
    hue, light, saturation = rgb_to_hls(*rgb(colour))
    shade = colour.lower()
    while contrast(shade, ground) < READABLE and -STEP < light + step < 1 + STEP:
        light = min(1.0, max(0.0, light + step))
        shade = hexadecimal(hls_to_rgb(hue, light, saturation))
    return shade


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, colour))


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2: from 1, the same colour, to 21, black on white."""
    high, low = sorted((luminance(colour), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2: from 0, black, to 1, white."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def rgb(colour: str) -> Rgb:
    """Return red, green and blue of `#rrggbb`, each from 0 to 1; raises ValueError for another text."""
    r, g, b = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return r, g, b


def hexadecimal(parts: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)
