#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Makes doc/PROTOCOLS.md from the table of capabilities and from the tests that
say what they prove ("# proves: NAME ..."); with --check, says what differs."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
PAGE = TOP / "doc/PROTOCOLS.md"
ROW = re.compile(r'\{\s*"([^"]+)",\s*"([^"]+)",\s*"([^"]+)",\s*(CAP_\w+)')
HEAD = """\
# IMAP: what the server can, and what proves it

Made by `doc/protocols.py` from `imapd/capability.c` and from the tests that say
`# proves:`; `tests/t_protocols.py` fails when it is not up to date, or when a
capability has no proof.

| capability | source | begin reading at | proved by |
| --- | --- | --- | --- |
"""


def rows():
    text = (TOP / "imapd/capability.c").read_text()
    return [match.groups() for match in ROW.finditer(text)]


def proofs():
    found = {}
    for folder, kind in (("tests/golden/imap", "*.txt"),
                         ("tests/session", "*.py"), ("tests/e2e", "*.py")):
        for path in sorted((TOP / folder).glob(kind)):
            for line in path.read_text().splitlines():
                if line.startswith("# proves:"):
                    for name in line[9:].split():
                        found.setdefault(name, []).append(
                            str(path.relative_to(TOP)))
    return found


def page():
    proved = proofs()
    return HEAD + "".join(
        f"| {name}{' (not listed yet)' if states == 'CAP_NONE' else ''} | "
        f"{source} | `{file}` | "
        + ", ".join(f"`{path}`" for path in proved.get(name, [])) + " |\n"
        for name, source, file, states in rows())


def complaints():
    proved, names = proofs(), {row[0] for row in rows()}
    for name, _, file, _ in rows():
        if name not in proved:
            yield f"{name} has no proof"
        if not (TOP / file).exists():
            yield f"{name}: there is no {file}"
    for name in sorted(set(proved) - names):
        yield f"{name} is proved by {proved[name]} and is no capability"
    if not PAGE.exists() or PAGE.read_text() != page():
        yield "doc/PROTOCOLS.md is not up to date: run doc/protocols.py"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        found = list(complaints())
        print("\n".join(found))
        sys.exit(bool(found))
    PAGE.write_text(page())
