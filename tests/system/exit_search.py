# SPDX-License-Identifier: Apache-2.0
"""Where do a SIM's secrets get to? Processes are run under exit_search (exit_search.cpp), which looks for them in the
memory of each one, and files are read. The secrets come from the card's file, by docs/formats/nvm.md."""
import base64
import os
import struct
import subprocess

from support import BUILD, LIMIT_S, clean_environment

PROGRAM = os.path.join(BUILD, "test-bin", "exit_search")
NOT_PERMITTED = 77
STORE, AREA_SIZE, HEADER_SIZE = 64, 114_688, 20
PRIVATE_KEY, PUBLIC_KEY, FILE, SECRET_KEY = range(4)  # classes of objects


def values_of_card(card_file):
    """The objects in a virtual SIM that have a value: {(class, identifier): value}."""
    with open(card_file, "rb") as file:
        content = file.read()
    areas = [content[start:start + AREA_SIZE] for start in (STORE, STORE + AREA_SIZE)]
    area = max((area for area in areas if area.startswith(b"SROS")), key=lambda area: area[8:12])
    objects = {}
    at = HEADER_SIZE
    while any(area[at:at + HEADER_SIZE]):
        size = struct.unpack_from(">I", area, at)[0]
        read_records(area[at + HEADER_SIZE:at + HEADER_SIZE + size], objects)
        at += HEADER_SIZE + size
    return {name: value for name, value in objects.values() if value}


def read_records(records, objects):
    """Adds what a transaction did to `objects`, {serial number: ((class, identifier), value)}."""
    at = 0
    while at < len(records):
        kind, serial = struct.unpack_from(">BI", records, at)
        at += 5 + (8 if kind in (1, 3, 5) else 0)
        if kind in (1, 4):
            description = records[at + 1:at + 1 + records[at]]
            name = description[0], description[2:2 + description[1]]
            at += 1 + records[at]
            objects[serial] = name, objects.get(serial, (name, b""))[1]
        if kind == 1:
            size = struct.unpack_from(">H", records, at)[0]
            at += 2 + (4 if size else 0)
            objects[serial] = name, records[at + 4:at + 4 + size]
            at += size
        elif kind == 2:
            objects.pop(serial, None)
        at += 4  # CRC


def forms(secret):
    """What exit_search looks for, too."""
    half = len(secret) // 2 if len(secret) >= 16 else len(secret)
    texts = []
    for part in (secret[:half], secret[half:]):
        for before in range(3 if part else 0):
            text = base64.b64encode(bytes(before) + part)
            texts.append(text[(before * 8 + 5) // 6:(before + len(part)) * 8 // 6])
    return [secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode(), *texts]


def files_with(secrets, folder):
    """Files under `folder` that hold one of the secrets, in any form; and how many files there are."""
    found, count = [], 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path):  # not a modem's port, nor a socket
                count += 1
                with open(path, "rb") as file:
                    content = file.read()
                # Without ends of lines too: a PEM file has one every 64 characters.
                contents = content, content.replace(b"\n", b"")
                if any(form in text for secret in secrets for form in forms(secret) for text in contents):
                    found.append(os.path.relpath(path, folder))
    return found, count


class Searched:
    """A process that was searched: a line of the report."""

    def __init__(self, line):
        self.executable, self.argument, self.occasion, result, found = line.split("\t")
        self.bytes = None if result == "not searched" else int(result)
        self.found = [(int(number), form) for number, form in (name.split(":") for name in found.split())]

    def __repr__(self):
        what = "not searched" if self.bytes is None else f"{self.bytes} bytes searched, found {self.found}"
        return f"{self.executable} {self.argument} ({self.occasion}): {what}"


class ExitSearch:
    """A search for `secrets` in the memory of all that is run by `command`. Its files are in `folder`."""

    def __init__(self, folder, secrets):
        self.needles = os.path.join(folder, "needles")
        self.report = os.path.join(folder, "report")
        with open(self.needles, "w", encoding="ascii") as file:
            file.write("".join(secret.hex() + "\n" for secret in secrets))
        self.forget()

    def forget(self):
        with open(self.report, "wb"):
            pass

    def command(self, *command):
        return [PROGRAM, self.needles, self.report, *command]

    def why_not(self):
        """Why this machine does not let processes be searched, or None."""
        result = subprocess.run(self.command("true"), capture_output=True, text=True, timeout=LIMIT_S, check=False,
                                env=clean_environment())
        self.forget()
        if result.returncode not in (0, NOT_PERMITTED):
            raise AssertionError(f"exit_search ended with {result.returncode}: {result.stderr}")
        return result.stderr.strip() if result.returncode else None

    def searched(self):
        with open(self.report, encoding="utf-8", errors="replace") as file:
            return [Searched(line) for line in file.read().splitlines()]
