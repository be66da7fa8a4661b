# SPDX-License-Identifier: Apache-2.0
"""Programs that find the PKCS#11 module through p11-kit, as docs/howto tells their users to. p11-kit reads no settings
of its user when that is root: root runs this file as somebody else, in a user namespace."""
import os
import sys
import unittest

from howto import PagesTestCase

NO_TRUST = "unable to get local issuer certificate|certificate verify failed"


class GnuTlsPages(PagesTestCase):
    def test_wget(self):
        self.run_page("wget", NO_TRUST, before=["p11-kit"])

    def test_git(self):
        self.run_page("git", before=["p11-kit"])  # takes the certificate from the SIM

    def test_coap_over_dtls(self):
        self.run_page("coap-gnutls", before=["p11-kit"])  # likewise


if __name__ == "__main__":
    if os.geteuid() == 0:
        print("root must not make a user namespace here, and p11-kit does not listen to root")
        sys.exit(77)
    unittest.main(verbosity=2)
