# SPDX-License-Identifier: Apache-2.0
"""Programs built against an installed simroot, as docs/howto tells their users to."""
import os
import tempfile
import unittest

from howto import PagesTestCase
from support import BUILD, run

NO_TRUST = "unable to get local issuer certificate|certificate verify failed"


class InstalledPages(PagesTestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="simroot-howto-")
        cls.addClassCleanup(folder.cleanup)
        cls.prefix = folder.name
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        super().setUpClass()

    @classmethod
    def environment(cls):
        return {"PATH": os.path.join(cls.prefix, "bin") + ":" + os.environ["PATH"],
                "SIMROOT_LIB": os.path.join(cls.prefix, "lib")}

    def test_mbedtls(self):
        self.run_page("mbedtls", NO_TRUST)  # takes the certificate from the SIM


if __name__ == "__main__":
    unittest.main(verbosity=2)
