#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Write mail/casemap_one.h and mail/casemap_many.h: what i;unicode-casemap
(RFC 5051) makes of each code point, from the Unicode data of this Python.

Titlecase by the simple mapping, then the full compatibility decomposition.
Hangul syllables are left out: fold.c computes them.
"""
import pathlib
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
HEAD = """/* SPDX-License-Identifier: EUPL-1.2 */
/* Made by casemap.py from Unicode %s: do not edit. */
/* clang-format off */
"""


def mapped(point):
    char = chr(point)
    title = char.title()
    if len(title) != 1:  # SpecialCasing.txt; UnicodeData.txt has none
        title = char
    return unicodedata.normalize("NFKD", title)


def table():
    for point in range(0x80, 0x110000):
        if 0xAC00 <= point <= 0xD7A3 or 0xD800 <= point <= 0xDFFF:
            continue
        if (to := mapped(point)) != chr(point):
            yield point, [ord(c) for c in to]


def runs(one):
    """(from, count, step, to): neighbours that move by the same distance."""
    at = 0
    while at < len(one):
        best = (1, 1)
        for step in (1, 2):
            end = at + 1
            while (end < len(one) and one[end][0] == one[end - 1][0] + step
                   and one[end][1] - one[end][0] == one[at][1] - one[at][0]):
                end += 1
            best = max(best, (end - at, -step), key=lambda b: b[0])
        yield one[at][0], best[0], abs(best[1]), one[at][1]
        at += best[0]


def lines(items):
    line = ""
    for item in items:
        if len(line) + len(item) > 78:
            yield line.rstrip()
            line = ""
        line += item + " "
    yield line.rstrip()


def main():
    rows = list(table())
    assert not any(0x3400 <= point < 0xA640 for point, _ in rows)
    head = HEAD % unicodedata.unidata_version
    one = runs([(point, to[0]) for point, to in rows if len(to) == 1])
    text = "\n".join(lines("{%d,%d,%d,%d}," % run for run in one))
    (HERE / "casemap_one.h").write_text(
        f"{head}static const struct run runs[] = {{\n{text}\n}};\n")
    many = [(point, to) for point, to in rows if len(to) > 1]
    index, points = [], []
    for point, to in many:
        index.append("{%d,%d,%d}," % (point, len(points), len(to)))
        points += to
    text = "\n".join(lines(index))
    flat = "\n".join(lines("%d," % point for point in points))
    (HERE / "casemap_many.h").write_text(
        f"{head}static const struct many many[] = {{\n{text}\n}};\n"
        f"static const uint32_t points[] = {{\n{flat}\n}};\n")


main()
