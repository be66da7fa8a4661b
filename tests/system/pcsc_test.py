# SPDX-License-Identifier: Apache-2.0
"""The virtual SIM in a real PC/SC stack: pcscd with vsmartcard's vpcd, our card behind it, our device side in front.

Runs in a network namespace of its own (tests/system/in_own_network), because vpcd listens on all addresses."""
import os
import sys
import unittest

import pcsc_reader
from support import SIMROOT, CardTestCase, clean_environment, run


class Pcsc(CardTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.modem.__exit__()  # the card goes from the modem into the reader
        pcsc_reader.start(cls, cls.card_file)

    def call(self, *arguments, check=True, card="pcsc:"):
        return run(SIMROOT, "device", *arguments, "--card", card, env=self.device_environment(), check=check)

    def device_environment(self):
        return clean_environment({"SIMROOT_CACHE": os.path.join(self.folder, "cache"),
                                  "OPENSSL_CONF": self.write_configuration("pcsc:", name="pcsc.cnf")})

    def test_other_programs_see_the_answer_to_reset(self):
        self.assertIn("3b:", run("opensc-tool", "-r", "0", "-a").stdout)

    def test_info_list_and_file(self):
        self.assertIn("ICCID   8988", self.call("info").stdout)
        self.assertIn("private key  01", self.call("list").stdout)
        self.assertIn("BEGIN CERTIFICATE", self.call("read-file", "02", "--pem").stdout)

    def test_sign_and_verify(self):
        text = self.certificate
        signature = self.call("sign", "01", text).stdout.strip()
        self.assertIn("valid", self.call("verify", "01", signature, text).stdout)
        self.assertEqual(self.call("verify", "01", signature, self.pki.ca, check=False).returncode, 1)

    def test_selftest_through_the_provider(self):
        result = self.call("selftest", check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_no_such_reader(self):
        result = self.call("info", check=False, card="pcsc:no such reader")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no such reader", result.stderr)
        self.assertIn("Virtual PCD", result.stderr)


if __name__ == "__main__":
    outcome = unittest.main(verbosity=2, exit=False).result
    sys.exit(77 if outcome.skipped else 0 if outcome.wasSuccessful() else 1)
