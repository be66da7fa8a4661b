# SPDX-License-Identifier: Apache-2.0
"""The C tests of the C API and of the Mbed TLS adapter, with virtual SIMs in their process and behind a modem."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "system"))

from card_factory import CardFactory  # noqa: E402
from support import BUILD, SIMROOT, Child, clean_environment, run  # noqa: E402

PROGRAMS = os.path.join(BUILD, "test-bin")


class CApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.factory = CardFactory(cls.folder)
        cls.template = cls.factory.make("template.card")
        cls.dead = "at:" + os.path.join(cls.folder, "no-such-port")

    def setUp(self):
        # A card file that this test alone changes.
        self.card = os.path.join(self.folder, self.id().split(".")[-1] + ".card")
        shutil.copy(self.template, self.card)

    def run_program(self, name, *arguments):
        env = clean_environment({"SIMROOT_CACHE": os.path.join(self.folder, "cache")})
        run(os.path.join(PROGRAMS, name), *arguments, env=env)

    def modem(self):
        port = self.card + ".modem"
        modem = Child(SIMROOT, "card", "run", self.card, "--modem", port)
        modem.__enter__()
        self.addCleanup(modem.__exit__)
        modem.read_until("modem on")
        return "at:" + port

    def certificate(self):
        der = self.card + ".der"
        run("openssl", "x509", "-in", self.factory.certificate, "-outform", "DER", "-out", der)
        return der

    def test_private_keys(self):
        self.run_program("capi_sign_test", "sim:" + self.card)

    def test_private_keys_behind_a_modem(self):
        self.run_program("capi_sign_test", self.modem())

    def test_objects(self):
        self.run_program("capi_objects_test", "sim:" + self.card, self.certificate())

    def test_objects_behind_a_modem(self):
        self.run_program("capi_objects_test", self.modem(), self.certificate())

    def test_secrets(self):
        self.run_program("capi_secrets_test", "sim:" + self.card)

    def test_secrets_behind_a_modem(self):
        self.run_program("capi_secrets_test", self.modem())

    def test_pin(self):
        self.run_program("capi_pin_test", "sim:" + self.factory.make("pin.card", b"1234"))

    def test_misuse(self):
        self.run_program("capi_misuse_test", "sim:" + self.card, self.dead)

    def test_threads_and_forks(self):
        self.run_program("capi_process_test", self.modem())

    def test_mbedtls(self):
        self.run_program("capi_mbedtls_test", "sim:" + self.card, self.dead, self.factory.pki.ca)

    def test_mbedtls_behind_a_modem(self):
        self.run_program("capi_mbedtls_test", self.modem(), self.dead, self.factory.pki.ca)


if __name__ == "__main__":
    unittest.main()
