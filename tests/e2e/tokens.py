# SPDX-License-Identifier: EUPL-1.2
"""Bearer tokens for tests, signed by openssl's command."""
import base64
import json
import pathlib
import subprocess
import tempfile
import time

ISSUER = "https://id.example"
AUDIENCE = "mail.example"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(*words, **named):
    return subprocess.run(["openssl", *map(str, words)], check=True,
                          capture_output=True, **named).stdout


class Key:
    """`kind`: "EdDSA" or "RS256"."""

    def __init__(self, folder, kind, kid):
        self.kind, self.kid = kind, kid
        self.path = pathlib.Path(folder) / f"token-{kid}.pem"
        more = ("-pkeyopt", "rsa_keygen_bits:2048") if kind == "RS256" else ()
        run("genpkey", "-algorithm", "RSA" if more else "ED25519", *more,
            "-out", self.path)

    def jwk(self):
        key = {"kid": self.kid, "use": "sig", "alg": self.kind}
        if self.kind == "RS256":
            modulus = run("rsa", "-in", self.path, "-noout", "-modulus")
            n = bytes.fromhex(modulus.split(b"=")[1].decode())
            return {**key, "kty": "RSA", "n": encode(n), "e": "AQAB"}
        der = run("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        return {**key, "kty": "OKP", "crv": "Ed25519", "x": encode(der[-32:])}

    def sign(self, data):
        if self.kind == "RS256":
            return run("dgst", "-sha256", "-sign", self.path, input=data)
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            return run("pkeyutl", "-sign", "-rawin", "-inkey", self.path,
                       "-in", f.name)

    def token(self, address, header=None, **claims):
        """A good one, but for what is said."""
        head = {"alg": self.kind, "kid": self.kid, **(header or {})}
        body = {"iss": ISSUER, "aud": AUDIENCE, "email": address,
                "scope": "mail", "exp": int(time.time()) + 300, **claims}
        body = {name: value for name, value in body.items()
                if value is not None}
        text = ".".join(encode(json.dumps(part).encode())
                        for part in (head, body))
        return text + "." + encode(self.sign(text.encode()))


def key_set(path, *keys):
    path.write_text(json.dumps({"keys": [key.jwk() for key in keys]}))


def settings(path):
    return {"oauth_keys": path, "oauth_issuer": ISSUER,
            "oauth_audience": AUDIENCE, "oauth_scope": "mail"}


def bearer(address, token):
    """RFC 7628 3.1"""
    return f"n,a={address},\1host=x\1port=143\1auth=Bearer {token}\1\1".encode()


def google(address, token):
    return f"user={address}\1auth=Bearer {token}\1\1".encode()
