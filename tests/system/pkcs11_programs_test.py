# SPDX-License-Identifier: Apache-2.0
"""Programs that use the key in the SIM through the PKCS#11 module, as docs/howto tells their users to."""
import unittest

from howto import PagesTestCase

NO_TRUST = "unable to get local issuer certificate|certificate verify failed"


class Pkcs11Pages(PagesTestCase):
    def test_ssh(self):
        self.run_page("ssh")

    def test_gnutls_cli(self):
        self.run_page("gnutls", NO_TRUST)

    def test_java(self):
        self.run_page("java", NO_TRUST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
