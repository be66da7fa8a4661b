# SPDX-License-Identifier: Apache-2.0
"""Readers of PC/SC: each one a slot, and cards that come and go. Against pcscd with vsmartcard's virtual readers."""
import os
import shutil
import tempfile
import time
import unittest

from cards import MODULE, SIMROOT, Card
from cryptoki import C, Cryptoki, SessionInfo, TokenInfo, buffer, byref, c_ulong, mechanism
from suite import SETTINGS
from support import LIMIT_S, Child
import pcsc_reader


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.card = Card(cls.folder, everything=False)
        for name in SETTINGS:
            os.environ.pop(name, None)
        os.environ["HOME"] = cls.folder
        os.environ["SIMROOT_CARD"] = "pcsc:"
        pcsc_reader.start(cls, cls.card.file)
        cls.module = Cryptoki(MODULE)

    def wait_for_slots(self, count):
        """Blocks in C_WaitForSlotEvent until that many slots hold a token."""
        end = time.monotonic() + LIMIT_S
        slot = c_ulong(0)
        while len(self.module.slots()) != count:
            self.assertLess(time.monotonic(), end)
            self.module("WaitForSlotEvent", 0, byref(slot), None)

    def test_a_card_is_used_removed_and_put_back(self):
        self.module.initialize()
        self.addCleanup(self.module.rv, "Finalize", None)
        present = self.module.slots()
        self.assertEqual(len(present), 1)
        self.assertEqual(len(self.module.slots(False)), 2)  # vpcd has two readers
        session = self.module.open(present[0])
        key = self.module.one(session, **{"class": C["CKO_PRIVATE_KEY"]})
        self.assertEqual(len(self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))), 64)

        type(self)._class_cleanups[-1][0].__self__.__exit__()  # what pcsc_reader.start has put the card in with
        self.wait_for_slots(0)
        self.assertEqual(self.module.rv("GetTokenInfo", present[0], byref(TokenInfo())), "CKR_TOKEN_NOT_PRESENT")
        size = c_ulong(64)
        refused = self.module.rv("SignInit", session, byref(mechanism("CKM_ECDSA")), key)
        self.assertIn(refused, ("CKR_TOKEN_NOT_PRESENT", "CKR_DEVICE_REMOVED"))
        self.assertEqual(self.module.rv("Sign", session, buffer(bytes(32)), 32, buffer(bytes(64)), byref(size)),
                         "CKR_OPERATION_NOT_INITIALIZED")

        with Child(SIMROOT, "card", "run", self.card.file, "--pcsc", pcsc_reader.READER) as again:
            again.read_until("card in the reader")
            self.wait_for_slots(1)
            self.assertEqual(self.module.slots(), present)  # the same slot
            self.module("GetSessionInfo", session, byref(SessionInfo()))
            self.assertEqual(self.module.one(session, **{"class": C["CKO_PRIVATE_KEY"]}), key)  # and handle
            self.assertEqual(len(self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))), 64)


if __name__ == "__main__":
    unittest.main()
