"""Line plots as SVG, by hand: two logarithmic axes, no library, the same bytes for the same figures."""

import math
from html import escape
from xml.sax.saxutils import quoteattr

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 70, 150, 50, 60
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#e09f3e", "#6a4c93", "#555555")


def decades(values):
    """The powers of ten around the values."""
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def number(value):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def plot(title, x_title, y_title, lines):
    """`lines`: {name: [(x, y)]}; all values positive. Returns the text of the file."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_low, x_high = decades(xs)
    y_low, y_high = decades(ys)

    def place(x, y):
        return (LEFT + (math.log10(x) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (math.log10(y) - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM))

    def text(x, y, words, anchor="middle", **more):
        extra = "".join(f" {name}={quoteattr(str(value))}" for name, value in more.items())
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
           ' font-size="12" fill="#222">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           text(WIDTH / 2, 24, title, font_size="15").replace("font_size", "font-size")]
    for power in range(x_low, x_high + 1):
        x, y = place(10 ** power, 10 ** y_low)
        out.append(f'<path d="M{x:.1f} {TOP}V{y:.1f}" stroke="#ddd"/>')
        out.append(text(x, y + 18, number(10 ** power)))
    for power in range(y_low, y_high + 1):
        x, y = place(10 ** x_low, 10 ** power)
        out.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(x - 8, y + 4, number(10 ** power), "end"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_title))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(text(18, middle, y_title, transform=f"rotate(-90 18 {middle:.1f})"))
    for i, (name, points) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [place(x, y) for x, y in points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        label = TOP + 16 + 20 * i
        out.append(f'<path d="M{WIDTH - RIGHT + 14} {label}h20" stroke="{colour}" stroke-width="2"/>')
        out.append(text(WIDTH - RIGHT + 40, label + 4, name, "start"))
    out.append("</svg>")
    return "\n".join(out) + "\n"
