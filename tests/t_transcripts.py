#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Every IMAP command and every response code that the sources have is in some
transcript or test of whole dialogues."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
# Codes that no transcript can bring about, and why.
UNREACHABLE = {
    "CLIENTBUG": "BAD is answered without it",
    "INUSE": "nothing that a command asks answers ERR_AGAIN in the end",
    "EXPIRED": "of logins, which answer AUTHENTICATIONFAILED",
    "SERVERBUG": "a bug, when there is one",
    "NOTSAVED": "of a search result in 250,001 pieces",
    "CORRUPTION": "of a damaged disk: tests/fault",
}


def sources():
    return [p.read_text() for p in sorted((TOP / "imapd").rglob("*.c"))]


def commands():
    found = set()
    for path in ("imapd/session/command.c", "imapd/front/preauth.c"):
        found |= set(re.findall(r'\{ "([A-Z]+)", cmd_',
                                (TOP / path).read_text()))
    return found


def strings(text):
    return re.findall(r'"((?:[^"\\]|\\.)*)"', text)


def codes():
    found = set()
    for text in sources():
        for string in strings(text):
            found |= set(re.findall(r"(?:OK|NO|BAD|BYE) \[([A-Z][A-Z0-9-]+)",
                                    string))
        for start in re.findall(
                r"(?:error_code|cmd\.code|->code)\s*=([^;]*);", text):
            for string in strings(start):
                found |= set(re.findall(r"^([A-Z][A-Z0-9-]{2,})", string))
    rows = re.findall(r"\[ERR_\w+\] = \{(.*?)\}",
                      (TOP / "lib/err.c").read_text(), re.S)
    for row in rows:
        # Name, text, IMAP's code: the third string but for joined texts.
        parts = re.sub(r'"\s*"', "", row)
        third = strings(parts)[2]
        found |= set(re.findall(r"^[A-Z-]+$", third))
    return found


def proofs():
    text = "\n".join(p.read_text() for p in sorted(
        (TOP / "tests/golden/imap").glob("*.txt")))
    for folder in ("session", "e2e"):
        for path in sorted((TOP / "tests" / folder).glob("*.py")):
            text += path.read_text()
    return text


def missing():
    text = proofs()
    for name in sorted(commands()):
        if not re.search(rf"(?i)\b{name}\b", text):
            yield f"no transcript has the command {name}"
    for code in sorted(codes() - set(UNREACHABLE)):
        if not re.search(rf"\[{code}[\] ]|[\"']{code}[\"']", text):
            yield f"no transcript has the response code {code}"
    for code in sorted(set(UNREACHABLE) - codes()):
        yield f"{code} is no code any more"


def main():
    lines = list(missing())
    found = len(commands()), len(codes())
    # The reading of the sources itself: it must find what is known to be.
    if found[0] < 40 or found[1] < 30 or "TRYCREATE" not in codes():
        lines.append(f"found only {found[0]} commands and {found[1]} codes")
    print("1..1")
    print(("not ok" if lines else "ok") + " 1 - every command and code")
    for line in lines:
        print("# " + line)
    return 1 if lines else 0


sys.exit(main())
