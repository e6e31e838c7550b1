"""Handshakes without a network, and files such as people have them."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def shake(server, client, name):
    """Run a handshake in memory; gives the client's side, raises what the client says."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(to_server, to_client, server_side=True)
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        done = 0
        for side in (here, there):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass  # its peer is next
        if done == 2:
            return here
    raise AssertionError("the handshake did not end")


@pytest.fixture
def meet():
    """meet(secured, name): the side of a client that calls the server by a name and trusts its CA, or another's."""

    def start(secured, name, *, ca_file=None, strict=True, version=None, offers=("http/1.1",)):
        client = ssl.create_default_context(cafile=str(ca_file or secured.ca_file))
        if strict:
            client.verify_flags |= ssl.VERIFY_X509_STRICT
        if version is not None:
            client.minimum_version = client.maximum_version = version
            client.set_ciphers("DEFAULT:@SECLEVEL=0")  # else the client itself refuses the old ones
        client.set_alpn_protocols(offers)
        return shake(secured.context, client, name)

    return start


@pytest.fixture
def issue(tmp_path):
    """issue(name, passphrase=None, signed_by_itself=True): a certificate and a key file for localhost."""

    def write(name, *, passphrase=None, signed_by_itself=True):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if signed_by_itself else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elsewhere")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + day)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=signed_by_itself, path_length=None), critical=True)
        signer = key if signed_by_itself else ec.generate_private_key(ec.SECP256R1())
        certificate = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        for file, content in zip(files, (certificate, text), strict=True):
            Path(file).write_bytes(content)
        return files

    return write
