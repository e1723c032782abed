# SPDX-License-Identifier: EUPL-1.2
"""A certificate authority for tests, made with openssl's command."""
import pathlib
import subprocess

UPN = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"


def run(*words, **named):
    return subprocess.run(["openssl", *map(str, words)], check=True,
                          capture_output=True, **named).stdout


class Authority:
    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.cert, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        run("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-keyout", self.key, "-out", self.cert)
        (self.folder / "index").write_text("")
        (self.folder / "conf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/index\n"
            f"default_md=sha256\nprivate_key={self.key}\n"
            f"certificate={self.cert}\ndefault_crl_days=2\n")

    def user(self, name, *alternatives, days=2, purpose="clientAuth"):
        """(certificate, key) with these alternative names."""
        key, request, cert = (self.folder / f"{name}.{kind}"
                              for kind in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            f"basicConstraints=CA:FALSE\nextendedKeyUsage={purpose}\n"
            + (f"subjectAltName={','.join(alternatives)}\n"
               if alternatives else ""))
        # The subject's address must never count.
        run("req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={name}/emailAddress=anna@one.example",
            "-keyout", key, "-out", request)
        run("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey",
            self.key, "-CAcreateserial", "-days", days, "-extfile",
            extensions, "-out", cert)
        return cert, key

    def revoke(self, cert):
        run("ca", "-config", self.folder / "conf", "-revoke", cert)

    def revoked(self, path):
        """The list of today."""
        run("ca", "-config", self.folder / "conf", "-gencrl", "-out", path)
