# SPDX-License-Identifier: Apache-2.0
"""The issuer's hand on a virtual SIM whose keys are known: loads keys of known value and sets a PIN, by the commands of
docs/formats/personalisation.md."""
import csv
import hashlib
import os
import subprocess

from support import LIMIT_S, SIMROOT, run


def tlv(tag, *parts):
    value = b"".join(parts)
    return bytes.fromhex(tag) + bytes([len(value)]) + value


class Issuer:
    """Makes a virtual SIM of the demo profile in `card_file` and keeps its keys beside it; or finds both there."""

    def __init__(self, card_file):
        self.card_file = card_file
        self.keys = card_file + ".csv"
        if not os.path.exists(card_file):
            run(SIMROOT, "card", "create", card_file, "--export-keys", self.keys)
        with open(self.keys, encoding="ascii") as file:
            self.dek = next(row["dek"] for row in csv.DictReader(file) if row["kvn"] == "30")

    def enciphered(self, value):
        """`value` as it goes over the line: zeros fill its last block, the data encryption key hides it."""
        padded = value + bytes(-len(value) % 16)
        return subprocess.run(["openssl", "enc", "-aes-128-cbc", "-nopad", "-K", self.dek, "-iv", "00" * 16],
                              input=padded, capture_output=True, check=True, timeout=LIMIT_S).stdout

    def value(self, clear):
        """Size, value and check value of a secret."""
        size = tlv("44", len(clear).to_bytes(2, "big"))
        return size + tlv("47", self.enciphered(clear)) + tlv("45", hashlib.sha256(clear).digest()[:3])

    def load_private_key(self, identifier, scalar):
        return tlv("E6", tlv("84", identifier), tlv("44", b"\0\x20"), tlv("47", self.enciphered(scalar)))

    def make_psk(self, identifier):
        return tlv("E3", tlv("C4", tlv("86", identifier), tlv("60", b"\0"), tlv("4B", b"\xA0"), tlv("61", b"\x08"),
                             tlv("94", b"\x03")))

    def load_psk(self, identifier, secret):
        return tlv("E7", tlv("86", identifier), self.value(secret))

    def set_pin(self, pin):
        return tlv("EF", self.value(pin))

    def run(self, *lines):
        """One session with these commands."""
        script = self.card_file + ".script"
        with open(script, "w", encoding="ascii") as file:
            file.write("\n".join(line.hex() for line in (tlv("E0", tlv("40", b"\1")), *lines, tlv("E1"))) + "\n")
        run(SIMROOT, "card", "personalise", "--card", self.card_file, "--keys", self.keys, "--script", script)
