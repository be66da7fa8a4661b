# SPDX-License-Identifier: Apache-2.0
"""The search for the SIM's keys behind a page of docs/howto: in the memory of everything that the page runs, and in its
folder. The SIM itself is outside: the test runs the modem in a process of its own."""
import os
import re
import sys
import tempfile

from exit_search import PRIVATE_KEY, PUBLIC_KEY, SECRET_KEY, ExitSearch, files_with, values_of_card

# The program a page is about, by its executable, and its first argument where others of the same name run as well.
PROGRAMS = {
    "coap": ("coap-client-openssl",),
    "coap-gnutls": ("coap-client-gnutls",),
    "curl": ("curl",),
    "git": ("git-remote-http",),
    "gnutls": ("gnutls-cli",),
    "java": ("java",),
    "mbedtls": ("mbedtls_client",),
    "mosquitto": ("mosquitto_pub",),
    "mosquitto-psk": ("mosquitto_pub",),
    "nginx": ("nginx",),
    "node": ("node",),
    "openssl": ("openssl", "s_client"),
    "psk": ("openssl", "s_client"),
    "python": ("python3",),
    "ssh": ("ssh",),
    "stunnel": ("stunnel4",),
    "stunnel-psk": ("stunnel4",),
    "wget": ("wget",),
}

# A page's server has the pre-shared key, and so has, as text, the shell that a reader types the server's settings into.
TYPED = {("bash", "--noprofile"): {"hex"}, ("env", "-u"): {"hex"}}
ANY_FORM = {"bytes", "reversed", "hex", "base64"}
OTHER_SIDE = {
    "mosquitto-psk": {**TYPED, ("mosquitto", "-v"): ANY_FORM},
    "psk": {**TYPED, ("openssl", "s_server"): ANY_FORM},
    "stunnel-psk": {**TYPED, ("openssl", "s_server"): ANY_FORM},
}
OTHER_SIDES_FILES = ("broker.psk", ".block-")  # mosquitto's keys, and the text of the page
PSK = (SECRET_KEY, b"\6")
PSK_HANDLE = b"simroot-psk"  # what every handle begins with


class PageSearch:
    """Looks for the keys of the SIM in `folder` and of `other_card`, which takes its place in the modem."""

    def __init__(self, page, folder, other_card, more_keys=()):
        self.page = page
        self.folder = folder
        own, other = values_of_card(os.path.join(folder, "sim.card")), values_of_card(other_card)
        keys = [(name, value) for card in (own, other) for name, value in card.items()
                if name[0] in (PRIVATE_KEY, SECRET_KEY)]
        names = [name for name, _ in keys]
        if names.count((PRIVATE_KEY, b"\1")) != 2 or names.count(PSK) != 2:
            raise AssertionError(f"both SIMs should have a private key 01 and a secret key 06, not just {names}")
        self.psk_number = names.index(PSK)
        self.keys = [*(value for _, value in keys), *more_keys]
        # What the program must have had: a search of it that does not even find this proves nothing.
        public_x = own[PUBLIC_KEY, b"\1"][-64:-32]
        self.present = PSK_HANDLE if page.endswith("psk") else public_x
        files = tempfile.TemporaryDirectory(prefix="simroot-search-")
        self.close = files.cleanup
        self.memory = ExitSearch(files.name, [*self.keys, self.present])
        reason = self.memory.why_not()
        if reason:
            print(f"{page}: memory is not searched. {reason}", file=sys.stderr)
            self.memory = None

    def check(self):
        """Once everything has ended."""
        if self.memory:
            self.check_memory(self.memory.searched())
        self.check_files()

    def check_memory(self, searched):
        present = len(self.keys)
        for process in searched:
            if process.bytes is None:
                raise AssertionError(f"{self.page}: a process could not be searched: {process}")
            allowed = OTHER_SIDE.get(self.page, {}).get((process.executable, process.argument), ())
            hits = [(number, form) for number, form in process.found
                    if number != present and not (number == self.psk_number and form in allowed)]
            if hits:
                raise AssertionError(f"{self.page}: a key of the SIM is in the memory of {process}: {hits}")
        program = PROGRAMS[self.page]
        of_program = [process for process in searched if
                      re.fullmatch(program[0] + r"[\d.]*", process.executable) and  # python3.11
                      program[1:] in ((), (process.argument,))]
        if "exit" not in [process.occasion for process in of_program]:
            raise AssertionError(f"{self.page}: {program} was not searched at its end, only {searched}")
        if not any((number, process.occasion) == (present, "send") for process in of_program
                   for number, _ in process.found):
            raise AssertionError(f"{self.page}: no search of {program} at work has found what must be there: {searched}")

    def check_files(self):
        found, count = files_with(self.keys, self.folder)
        if "sim.card" not in found or count < 10:
            raise AssertionError(f"{self.page}: {count} files, and the keys in {found}, not in the SIM's own")
        others = [path for path in found if path != "sim.card" and not path.startswith(OTHER_SIDES_FILES)]
        if others:
            raise AssertionError(f"{self.page}: a key of the SIM is in these files: {others}")
