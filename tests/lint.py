#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What the compiler does not say: length of functions and files, calls that
are banned outside lib/, the licence line.

usage: tests/lint.py [FOLDER]       prints what breaks the rules; 1 if any
"""
import pathlib
import re
import sys

FOLDERS = ("lib", "store", "mail", "imapd", "smtpd", "caldav", "daemon",
           "admin", "include", "tests")
FUNCTION_LINES = 100
FILE_LINES = 1000
BANNED = ("malloc", "calloc", "realloc", "strcpy", "strcat", "sprintf",
          "vsprintf", "strtol", "strtoul", "strtoll", "strtoull", "atoi",
          "atol", "gets", "alloca", "strtok")
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
LICENCE = "SPDX-License-Identifier: EUPL-1.2"


def without_comments(text):
    """Comments and strings become blanks; lines stay where they are."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|"
                  r"'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def functions(lines):
    """(first line, lines) of each body: by our style it begins with a brace
    alone in the first column and ends with one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.rstrip() == "}" and start:
            yield start, number - start + 1
            start = None


def check(path, name):
    text = path.read_text()
    lines = text.splitlines()
    if LICENCE not in "\n".join(lines[:2]):
        yield f"{name}:1: no licence line"
    if len(lines) > FILE_LINES:
        yield f"{name}: {len(lines)} lines, over {FILE_LINES}"
    code = without_comments(text)
    for start, count in functions(code.splitlines()):
        if count > FUNCTION_LINES:
            yield f"{name}:{start}: a function of {count} lines"
    if name.parts[0] in ("lib", "tests"):
        return
    for number, line in enumerate(code.splitlines(), 1):
        for word in CALL.findall(line):
            yield f"{name}:{number}: {word}() is banned outside lib/"


def problems(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            yield from check(path, path.relative_to(root))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                        pathlib.Path(__file__).parent.parent).resolve()
    found = list(problems(root))
    print("\n".join(found) or "lint: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
