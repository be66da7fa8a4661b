# SPDX-License-Identifier: Apache-2.0
"""A virtual card with keys of every kind, made by the programs a factory uses."""
import csv
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from support import BUILD, SIMROOT, Pki, clean_environment, run  # noqa: E402

MODULE = os.path.join(BUILD, "lib", "libsimroot-pkcs11.so")

# Key types, functions and rights as docs/formats/personalisation.md and IoT.05 number them.
P256, BRAINPOOL, P384, P384_VOLATILE, RSA = 0x13, 0x23, 0x33, 0x34, 0x03
SIGN, GENERATE, AGREE, DECRYPT = 0x01, 0x02, 0x04, 0x20


def tlv(tag, *content):
    value = b"".join(c if isinstance(c, bytes) else bytes([c]) for c in content)
    length = bytes([len(value)]) if len(value) < 0x80 else bytes([0x81, len(value)])
    return bytes([tag]) + length + value


def pair(number, label, kind, functions, algorithms, hashes=7):
    """CREATE of both halves: the private one, that a device may fill, and the public one."""
    common = [tlv(0x4B, kind), tlv(0x4E, 1), tlv(0x61, functions), tlv(0x92, algorithms), tlv(0x91, 0, hashes)]
    if functions & AGREE:
        common.append(tlv(0x6F, 1))
    yield tlv(0xE3, tlv(0xC1, tlv(0x74, label.encode()), tlv(0x84, number), tlv(0x60, 2), *common), tlv(0x85, number))
    yield tlv(0xE3, tlv(0xC2, tlv(0x75, label.encode()), tlv(0x85, number), tlv(0x60, 1), *common))


class Card:
    """A card file of the demo profile, and: RSA pair 0A, P-384 pair 0B, brainpool pair 0C, empty P-256 pair 0D, place
    0E for a peer's P-384 key, P-384 pair 0F for SHA-256 only, empty persistent brainpool key 10 that a peer's may fill;
    certificates of its own key 01 in file 02 and of the test CA in 03."""

    def __init__(self, folder, pin=None, everything=True, name="sim.card"):
        self.folder = folder
        self.file = os.path.join(folder, name)
        self.keys = os.path.join(folder, name + ".csv")
        self.uri = "sim:" + self.file
        run(SIMROOT, "card", "create", self.file, "--export-keys", self.keys)
        blocks = [tlv(0xE0, tlv(0x40, 1))]
        if everything:
            blocks += self.more_objects()
        if pin:
            blocks.append(self.set_pin(pin.encode()))
        blocks.append(tlv(0xE1))
        script = os.path.join(folder, name + ".script")
        with open(script, "w", encoding="ascii") as file:
            file.write("".join(block.hex() + "\n" for block in blocks))
        if len(blocks) > 2:
            run(SIMROOT, "card", "personalise", "--card", self.file, "--keys", self.keys, "--script", script)

    def more_objects(self):
        blocks = [*pair(0x0A, "rsa", RSA, SIGN | GENERATE | DECRYPT, 3), *pair(0x0B, "p384", P384, 7, 4),
                  *pair(0x0C, "brain", BRAINPOOL, 7, 4), *pair(0x0D, "empty", P256, 7, 4)]
        blocks.append(tlv(0xE3, tlv(0xC2, tlv(0x85, 0x0E), tlv(0x60, 3), tlv(0x4B, P384_VOLATILE), tlv(0x4E, 1),
                                    tlv(0x61, SIGN | AGREE), tlv(0x92, 4), tlv(0x91, 0, 7), tlv(0x6F, 1))))
        blocks += pair(0x0F, "short", P384, SIGN | GENERATE, 4, 1)
        blocks.append(tlv(0xE3, tlv(0xC2, tlv(0x85, 0x10), tlv(0x60, 3), tlv(0x4B, BRAINPOOL), tlv(0x4E, 1),
                                    tlv(0x61, SIGN | AGREE), tlv(0x92, 4), tlv(0x91, 0, 7), tlv(0x6F, 1))))
        return blocks + [tlv(0xE5, tlv(0x84, number)) for number in (0x0A, 0x0B, 0x0C, 0x0F)]

    def set_pin(self, pin):
        with open(self.keys, encoding="ascii") as file:
            key = [row for row in csv.DictReader(file) if row["kvn"] == "30"][-1]["dek"]
        padded = pin + bytes(-len(pin) % 16)
        sealed = run("openssl", "enc", "-aes-128-cbc", "-nopad", "-K", key, "-iv", "0" * 32, "-A", "-a",
                     text=padded.decode()).stdout.strip()
        enciphered = __import__("base64").b64decode(sealed)
        return tlv(0xEF, tlv(0x44, 0, len(pin)), tlv(0x47, enciphered), tlv(0x45, hashlib.sha256(pin).digest()[:3]))

    def add_certificates(self):
        """Both files; returns the PKI."""
        pki = Pki(self.folder)
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/O=simroot test/CN=device", "--card", self.uri).stdout
        self.certificate = pki.sign(csr, "device")
        run(SIMROOT, "card", "put-file", self.file, "02", self.certificate)
        run(SIMROOT, "card", "put-file", self.file, "03", pki.ca)
        return pki


__all__ = ["BUILD", "MODULE", "SIMROOT", "Card", "clean_environment", "run"]
