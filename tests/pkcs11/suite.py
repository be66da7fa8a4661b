# SPDX-License-Identifier: Apache-2.0
"""What the tests of the module share: one card for a class of tests, the module initialised for each test.

SIMROOT_TEST_WAY=modem has every card in an emulated modem; otherwise it is in the process of the test.
"""
import os
import shutil
import tempfile
import unittest

from cards import MODULE, SIMROOT, Card
from cryptoki import Cryptoki
from support import Child

SETTINGS = ("SIMROOT_CARD", "SIMROOT_CACHE", "SIMROOT_PKCS11_CONF", "SIMROOT_LOG", "XDG_CONFIG_HOME", "HOME")


class ModuleTest(unittest.TestCase):
    """A card that every test of the class uses, over the way `way` gives."""
    pin = None
    everything = True
    certificates = False

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.saved = {name: os.environ.pop(name, None) for name in SETTINGS}
        cls.addClassCleanup(cls.restore)
        os.environ["HOME"] = cls.folder
        os.environ["SIMROOT_CACHE"] = os.path.join(cls.folder, "cache")
        cls.card = Card(cls.folder, cls.pin, cls.everything)
        if cls.certificates:
            cls.pki = cls.card.add_certificates()
        cls.uri = cls.way()
        cls.module = Cryptoki(MODULE)

    @classmethod
    def way(cls):
        if os.environ.get("SIMROOT_TEST_WAY") != "modem":
            return cls.card.uri
        port = os.path.join(cls.folder, "modem")
        modem = Child(SIMROOT, "card", "run", cls.card.file, "--modem", port)
        modem.__enter__()
        cls.addClassCleanup(modem.__exit__)
        modem.read_until("modem on")
        return "at:" + port

    @classmethod
    def restore(cls):
        for name, value in cls.saved.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def setUp(self):
        os.environ["SIMROOT_CARD"] = self.uri
        self.log = os.path.join(self.folder, "log")
        os.environ["SIMROOT_LOG"] = self.log
        self.module.initialize()
        self.addCleanup(self.module.rv, "Finalize", None)

    def logged(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def assert_rv(self, expected, function, *arguments):
        self.assertEqual(self.module.rv(function, *arguments), expected, function)
