# SPDX-License-Identifier: Apache-2.0
"""Programs that use the key in the SIM through the OpenSSL provider, as docs/howto tells their users to."""
import os
import unittest

from howto import PagesTestCase
from issuer import Issuer

NO_TRUST = "unable to get local issuer certificate|certificate verify failed"


class ProviderPages(PagesTestCase):
    def test_openssl(self):
        self.run_page("openssl", NO_TRUST)

    def test_curl(self):
        self.run_page("curl", NO_TRUST)

    def test_nginx(self):
        self.run_page("nginx")  # has read its files when it was started

    def test_python(self):
        self.run_page("python", NO_TRUST)

    def test_node(self):
        self.run_page("node", NO_TRUST)

    def test_mosquitto_with_a_certificate(self):
        self.run_page("mosquitto", NO_TRUST)

    def test_stunnel(self):
        self.run_page("stunnel")  # has read its files when it was started

    def test_coap_over_dtls_with_a_certificate(self):
        self.run_page("coap", NO_TRUST)


class PskPages(PagesTestCase):
    """The other SIM has another pre-shared key, and a private key of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_sim = os.path.join(cls.root, "other.card")
        issuer = Issuer(cls.other_sim)
        issuer.run(issuer.load_psk(b"\6", cls.psk_of("the other SIM")))

    def test_openssl(self):
        self.run_page("psk", other_sim=self.other_sim)

    def test_mosquitto(self):
        self.run_page("mosquitto-psk", before=["psk"], other_sim=self.other_sim)

    def test_stunnel(self):
        self.run_page("stunnel-psk", before=["psk"], other_sim=self.other_sim)


if __name__ == "__main__":
    unittest.main(verbosity=2)
