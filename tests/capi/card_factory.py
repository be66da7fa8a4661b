# SPDX-License-Identifier: Apache-2.0
"""A virtual SIM with every kind of key, for the tests of the C API and of the Mbed TLS adapter."""
import os
import subprocess

from issuer import Issuer, tlv
from support import SIMROOT, Pki, run

MAC_KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")  # RFC 4493 4


def aes_check_value(key):
    """GlobalPlatform Amendment D: the first three bytes of sixteen bytes 01, enciphered with the key."""
    done = subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=b"\1" * 16,
                          capture_output=True, check=True, timeout=20)
    return done.stdout[:3]


def key_pair(identifier, kind, functions, algorithms, hashes):
    """CREATE for both halves, and GENERATE."""
    common = (tlv("4B", kind) + tlv("4E", b"\1") + tlv("61", functions) + tlv("92", algorithms) +
              tlv("91", b"\0" + hashes))
    private = tlv("C1", tlv("84", identifier), tlv("60", b"\2"), common)
    public = tlv("C2", tlv("85", identifier), tlv("60", b"\1"), common)
    return [tlv("E3", private, tlv("85", identifier)), tlv("E3", public), tlv("E5", tlv("84", identifier))]


class CardFactory:
    """Makes SIMs in `folder`: the demo profile, and RSA pair 0A, P-384 pair 0B, brainpool pair 0C, MAC key 09 of known
    value, file 0E with a note; file 02 holds the certificate of key 01."""

    def __init__(self, folder):
        self.folder = folder
        self.pki = Pki(folder)
        self.certificate = None

    def make(self, name, pin=None):
        card = os.path.join(self.folder, name)
        issuer = Issuer(card)
        mac = tlv("C4", tlv("86", b"\x09"), tlv("60", b"\0"), tlv("4B", b"\xB0"), tlv("61", b"\1"))
        note = tlv("C3", tlv("83", b"\x0E"), tlv("60", b"\1"), tlv("21", b"\1"))
        issuer.run(*key_pair(b"\x0A", b"\x03", b"\x21", b"\x03", b"\7"),
                   *key_pair(b"\x0B", b"\x33", b"\7", b"\4", b"\2"),
                   *key_pair(b"\x0C", b"\x23", b"\5", b"\4", b"\1"),
                   tlv("E3", mac),
                   tlv("E7", tlv("86", b"\x09"), tlv("44", b"\0\x10"), tlv("47", issuer.enciphered(MAC_KEY)),
                       tlv("45", aes_check_value(MAC_KEY))),
                   tlv("E3", note), tlv("E8", tlv("83", b"\x0E"), tlv("43", b"note")))
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/O=simroot test/CN=localhost", "--card",
                  "sim:" + card).stdout
        self.certificate = self.pki.sign(csr, "device", "DNS:localhost,IP:127.0.0.1")
        run(SIMROOT, "card", "put-file", card, "02", self.certificate)
        if pin:
            issuer.run(issuer.set_pin(pin))
        return card
