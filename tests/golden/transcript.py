# SPDX-License-Identifier: EUPL-1.2
"""Play golden transcripts: readable dialogues that the server must follow.

    # a comment
    C: a1 SELECT INBOX            what the client sends, with CRLF
    S: * <n> EXISTS               what the server must answer, line by line
    S: a1 OK [READ-WRITE] <*>
    2C: ...  2S: ...              a second connection, opened at first use
    benC: ...  ben2S: ...         connections of another user, where a host has one
    S~ * 1 FETCH <*>              the next lines in any order: a block of S~
    W: 2                          wait so many seconds

`<name>` matches anything but blanks and closing brackets the first time, and
the same text after that; `<*>` matches the rest of the line. `\\x..` escapes
give bytes in both directions, `\\*70000x` that many "x". `{#}` and `{#+}` announce the size of the next C:
line with its CRLF.
"""
import re
import socket
import time


class Failure(Exception):
    pass


def raw(text):
    text = re.sub(r"\\\*(\d+)(.)",
                  lambda m: m.group(2) * int(m.group(1)), text)
    return re.sub(r"\\x([0-9a-fA-F]{2})",
                  lambda m: chr(int(m.group(1), 16)), text).encode("latin-1")


class Player:
    def __init__(self, connect):
        self.connect = connect
        self.lines = {}
        self.names = {}

    def connection(self, key):
        if key not in self.lines:
            sock = self.connect(key.rstrip("0123456789"))
            sock.settimeout(20)
            self.lines[key] = (sock, sock.makefile("rb"))
        return self.lines[key]

    def read(self, key):
        line = self.connection(key)[1].readline()
        if not line:
            raise Failure("the server closed the connection")
        return line[:-2] if line.endswith(b"\r\n") else line

    def pattern(self, text):
        out = b""
        for part in re.split(r"(<(?:\*|[a-z]\w*)>)", text):
            name = part[1:-1]
            if not re.fullmatch(r"<(?:\*|[a-z]\w*)>", part):
                out += re.escape(raw(part))
            elif name == "*":
                out += b".*"
            elif name in self.names:
                out += re.escape(self.names[name])
            elif b"(?P<" + name.encode() + b">" in out:
                out += b"(?P=" + name.encode() + b")"
            else:
                out += b"(?P<" + name.encode() + rb">[^ )\]]+)"
        return re.compile(out, re.S)

    def match(self, text, line):
        found = self.pattern(text).fullmatch(line)
        if found:
            self.names.update(found.groupdict())
        return found

    def expect_any(self, key, texts):
        left = list(texts)
        while left:
            line = self.read(key)
            hit = next((t for t in left if self.match(t, line)), None)
            if hit is None:
                raise Failure(f"got {line!r}, wanted one of {left}")
            left.remove(hit)

    def send(self, key, text):
        text = re.sub(r"<([a-z]\w*)>", lambda m: self.names[m.group(1)].decode(
            "latin-1") if m.group(1) in self.names else m.group(0), text)
        self.connection(key)[0].sendall(raw(text) + b"\r\n")

    @staticmethod
    def sized(text, rest):
        if not re.search(r"\{#\+?\}$", text):
            return text
        line = next(one for one in rest if re.match(r"[a-z]*\d*C:", one))
        size = len(raw(line.partition(":")[2].removeprefix(" "))) + 2
        return re.sub(r"\{#(\+?)\}$", rf"{{{size}\1}}", text)

    def play(self, path):
        block = None
        lines = path.read_text().splitlines() + [""]
        for number, line in enumerate(lines, 1):
            found = re.match(r"([a-z]*\d*)([CSW])([:~]) ?(.*)$", line)
            try:
                if block and not (found and found.group(3) == "~"
                                  and found.group(1) == block[0]):
                    self.expect_any(*block)
                    block = None
                if not found:
                    if line.strip() and not line.startswith("#"):
                        raise Failure(f"not a transcript line: {line!r}")
                    continue
                key, who, kind, text = found.groups()
                if who == "C":
                    self.send(key, self.sized(text, lines[number:]))
                elif who == "W":
                    time.sleep(float(text))
                elif kind == "~":
                    block = block or (key, [])
                    block[1].append(text)
                else:
                    got = self.read(key)
                    if not self.match(text, got):
                        raise Failure(f"got {got!r}")
            except (Failure, OSError) as why:
                raise Failure(f"{path.name}:{number}: {line.strip()}: {why}")
        for sock, _ in self.lines.values():
            sock.close()


# A host that serves several users has an address for each.
USERS = {"": "127.0.0.1", "ben": "127.0.0.2", "dora": "127.0.0.3"}


def connect_to(port, user):
    return socket.create_connection((USERS[user], port), 10)
