# SPDX-License-Identifier: EUPL-1.2
"""A mail server that takes everything, or refuses as a test wants it; and a
DNS server of a few names. For tests of what relayd sends."""
import re
import socket
import ssl
import struct
import threading


class Message:
    def __init__(self, mail, rcpt, body, tls):
        self.mail, self.rcpt, self.body, self.tls = mail, rcpt, body, tls


class Sink:
    """`answer(verb, argument)` gives a reply line, or None for the usual one;
    "" closes the connection. Messages that got their 250 are in .messages."""

    def __init__(self, certificate=None, answer=None, extensions=(), port=0):
        self.certificate, self.answer = certificate, answer
        self.extensions = list(extensions)
        self.messages, self.seen = [], []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(50)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        # Wakes the thread that waits in accept.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        try:
            Dialogue(self, client).run()
        except OSError:
            pass
        finally:
            client.close()


class Dialogue:
    def __init__(self, sink, client):
        self.sink, self.client, self.tls = sink, client, False
        self.file = client.makefile("rwb")
        self.mail, self.rcpt = None, []

    def say(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def reply(self, verb, argument, usual):
        """The reply that was sent; "" when the connection is to be closed."""
        said = self.sink.answer(verb, argument) if self.sink.answer else None
        text = usual if said is None else said
        if text:
            self.say(text)
        return text

    def run(self):
        if not self.reply("CONNECT", "", "220 sink ready"):
            return
        while True:
            line = self.file.readline().decode("utf-8").rstrip("\r\n")
            if not line:
                return
            verb, _, argument = line.partition(" ")
            self.sink.seen.append(line)
            if verb == "QUIT":
                self.say("221 bye")
                return
            if not self.verb(verb, argument):
                return

    def verb(self, verb, argument):
        if verb == "EHLO":
            names = ["sink"] + self.sink.extensions
            if self.sink.certificate and not self.tls:
                names.append("STARTTLS")
            lines = [f"250-{name}" for name in names[:-1]]
            return self.reply(verb, argument,
                              "\r\n".join(lines + [f"250 {names[-1]}"]))
        if verb == "STARTTLS":
            if self.reply(verb, argument, "220 go")[:1] == "2":
                self.secure()
            return True
        if verb == "DATA":
            return self.data()
        said = self.reply(verb, argument, "250 2.0.0 fine")
        if verb == "MAIL":
            self.mail, self.rcpt = argument, []
        elif verb == "RCPT" and said[:1] == "2":
            self.rcpt.append(re.match(r"TO:<(.*)>", argument).group(1))
        return said

    def secure(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.sink.certificate))
        self.file.close()
        self.client = context.wrap_socket(self.client, server_side=True)
        self.file = self.client.makefile("rwb")
        self.tls = True

    def data(self):
        if self.reply("DATA", "", "354 go on")[:1] != "3":
            return True
        body = b""
        while True:
            line = self.file.readline()
            if not line:
                return False
            if line == b".\r\n":
                break
            body += line[1:] if line.startswith(b".") else line
        said = self.reply("END", "", "250 2.6.0 taken")
        if said[:1] == "2":
            self.sink.messages.append(
                Message(self.mail, self.rcpt, body, self.tls))
        return said


class Dns:
    """Answers A and MX of `zone`: {("name", "MX"): [(10, "host")], ...}. A
    name that is not there does not exist; None: the server fails."""

    TYPES = {1: "A", 15: "MX", 28: "AAAA"}

    def __init__(self, zone):
        self.zone = zone
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(packet), peer)

    @staticmethod
    def name(text):
        labels = [part.encode() for part in text.split(".") if part]
        return b"".join(bytes([len(x)]) + x for x in labels) + b"\0"

    def answer(self, packet):
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += packet[at] + 1
        name = ".".join(labels).lower()
        question = packet[12:at + 5]
        kind = self.TYPES.get(struct.unpack("!H", packet[at + 1:at + 3])[0])
        known = any(key[0] == name for key in self.zone)
        rows = self.zone.get((name, kind), [])
        code = 2 if rows is None else 0 if known else 3
        data = b""
        for row in rows or []:
            if kind == "MX":
                value = struct.pack("!H", row[0]) + self.name(row[1])
                number = 15
            else:
                value, number = socket.inet_aton(row), 1
            data += b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 60,
                                              len(value)) + value
        head = packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1,
                                        len(rows or []), 0, 0)
        return head + question + data
