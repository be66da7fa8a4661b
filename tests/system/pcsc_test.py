# SPDX-License-Identifier: Apache-2.0
"""The virtual SIM in a real PC/SC stack: pcscd with vsmartcard's vpcd, our card behind it, our device side in front.

Runs in a network namespace of its own (tests/system/in_own_network), because vpcd listens on all addresses."""
import os
import shutil
import subprocess
import sys
import time
import unittest

from support import LIMIT_S, SIMROOT, CardTestCase, Child, clean_environment, run

SOCKET = "/run/pcscd/pcscd.comm"
READER = "127.0.0.1:35963"


class Pcsc(CardTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.modem.__exit__()  # the card goes from the modem into the reader
        if os.path.exists(SOCKET):
            raise unittest.SkipTest("another pcscd runs on this machine: " + SOCKET)
        configuration = os.path.join(cls.folder, "reader.conf.d")
        os.mkdir(configuration)
        shutil.copy("/etc/reader.conf.d/vpcd", configuration)
        cls.pcscd = subprocess.Popen(["/usr/sbin/pcscd", "--foreground", "-c", configuration],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.stop_pcscd)
        end = time.monotonic() + LIMIT_S
        while run("opensc-tool", "-l", check=False).returncode != 0:  # pcscd tells nobody when it is ready
            assert time.monotonic() < end, "pcscd shows no reader"
        cls.reader = Child(SIMROOT, "card", "run", cls.card_file, "--pcsc", READER)
        cls.reader.__enter__()
        cls.addClassCleanup(cls.reader.__exit__)
        cls.reader.read_until("card in the reader")
        while "Yes" not in run("opensc-tool", "-l").stdout:
            assert time.monotonic() < end, "pcscd does not see the card"

    @classmethod
    def stop_pcscd(cls):
        cls.pcscd.terminate()
        cls.pcscd.wait(10)

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
