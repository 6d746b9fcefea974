"""Certificates of a test's own, for servers that speak TLS; made by openssl."""
import os
import pathlib
import shutil
import subprocess

OPENSSL = shutil.which("openssl")


def knows_tls(segmon):
    version = subprocess.run([segmon, "--version"], capture_output=True, text=True, check=True)
    return "no OpenSSL" not in version.stdout


def openssl(folder, *words, clock=()):
    subprocess.run([*clock, OPENSSL, *words], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", f"/CN={name}", "-days", "2",
            "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(folder, name, authority, names, is_expired=False):
    """With all that those ask for who take RFC 5280 at its word."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    pathlib.Path(folder, "extensions").write_text(
        f"subjectAltName={names}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem",
            "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", f"{name}.pem",
            clock=("faketime", "4 days ago") if is_expired else ())


def server_settings(folder):
    """Of Redis servers on 127.0.0.1 that speak nothing but TLS, also with each other."""
    make_authority(folder, "ours")
    make_certificate(folder, "server", "ours", "IP:127.0.0.1")
    return {"tls-cert-file": os.path.join(folder, "server.pem"),
            "tls-key-file": os.path.join(folder, "server.key"),
            "tls-ca-cert-file": os.path.join(folder, "ours.pem"),
            "tls-auth-clients": "no", "tls-replication": "yes"}
