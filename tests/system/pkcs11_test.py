# SPDX-License-Identifier: Apache-2.0
"""Programs that know only PKCS#11, with a SIM in an emulated modem: OpenSC's pkcs11-tool, p11-kit, GnuTLS, OpenSSH."""
import base64
import os
import re
import subprocess
import unittest

from support import BUILD, LIMIT_S, CardTestCase, clean_environment, run

MODULE = os.path.join(BUILD, "lib", "libsimroot-pkcs11.so")


class Pkcs11(CardTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = clean_environment({"SIMROOT_CARD": cls.card, "SIMROOT_CACHE": os.path.join(cls.folder, "cache"),
                                     "HOME": cls.folder})
        cls.env.pop("OPENSSL_CONF")
        cls.public_key = os.path.join(cls.folder, "public.pem")
        with open(cls.public_key, "w", encoding="ascii") as file:
            file.write(run("openssl", "x509", "-in", cls.certificate, "-noout", "-pubkey").stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def tool(self, *arguments, **options):
        return run("pkcs11-tool", "--module", MODULE, *arguments, env=self.env, **options)

    def test_pkcs11_tool_tests_the_module(self):
        result = self.tool("--test")
        self.assertIn("No errors", result.stdout + result.stderr)

    def test_pkcs11_tool_lists(self):
        slots = self.tool("--list-slots").stdout
        self.assertIn("token flags        : rng, token initialized\n", slots)  # no PIN, so no login
        objects = self.tool("--list-objects").stdout
        for line in ("Private Key Object; EC", "Public Key Object; EC  EC_POINT 256 bits", "Certificate Object; type"):
            self.assertIn(line, objects)
        self.assertEqual(objects.count("ID:         01"), 3)
        self.assertIn("ECDSA-SHA256", self.tool("--list-mechanisms").stdout)
        written = self.tool("--read-object", "--type", "cert", "--id", "01", "--output-file", self.path("cert.der"))
        self.assertEqual(written.returncode, 0)
        self.assertEqual(run("openssl", "x509", "-in", self.path("cert.der"), "-inform", "DER").stdout.strip(),
                         run("openssl", "x509", "-in", self.certificate).stdout.strip())

    def test_pkcs11_tool_signs(self):
        data, signature = self.path("data"), self.path("signature")
        with open(data, "wb") as file:
            file.write(os.urandom(1000))
        self.tool("--sign", "--mechanism", "ECDSA-SHA256", "--id", "01", "--signature-format", "openssl",
                  "--input-file", data, "--output-file", signature)
        verified = run("openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature", signature, data)
        self.assertIn("Verified OK", verified.stdout)
        with open(data, "ab") as file:
            file.write(b"x")
        refused = run("openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature", signature, data,
                      check=False)
        self.assertNotEqual(refused.returncode, 0)

    def test_pkcs11_tool_makes_a_key_pair(self):
        made = self.tool("--keypairgen", "--key-type", "EC:prime256v1")
        self.assertIn("Public Key Object; EC", made.stdout)
        self.assertRegex(made.stdout, r"ID: +04")  # the volatile container of the demo card
        refused = self.tool("--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", check=False)
        self.assertIn("CKR_ATTRIBUTE_VALUE_INVALID", refused.stderr)

    def test_p11_kit_lists_the_module(self):
        modules = os.path.join(self.folder, ".config", "pkcs11", "modules")
        os.makedirs(modules, exist_ok=True)
        with open(os.path.join(modules, "simroot.module"), "w", encoding="ascii") as file:
            file.write(f"module: {MODULE}\n")
        command = ["p11-kit", "list-modules"]
        if os.geteuid() == 0:  # p11-kit has no modules of root's own: they take the place of the system's, for it alone
            command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /usr/share/p11-kit/modules && p11-kit '
                       "list-modules", "sh", modules]
        listed = run(*command, env=self.env).stdout
        self.assertRegex(listed, r"simroot:.*\n(.*\n)*? +token: IoT SAFE 89\d+\n")
        self.assertIn("manufacturer: simroot", listed)

    def test_gnutls_lists_and_signs(self):
        listed = run("p11tool", "--provider", MODULE, "--list-all", env=self.env).stdout
        self.assertEqual(sorted(re.findall(r"URL: pkcs11:.*object=sig;type=(\w+)", listed)),
                         ["cert", "private", "public"])
        url = re.search(r"pkcs11:\S*object=sig;type=private", listed).group(0)
        tested = run("p11tool", "--provider", MODULE, "--test-sign", url, env=self.env)
        self.assertIn("ok", tested.stdout + tested.stderr)

    def test_ssh_reads_the_public_key(self):
        lines = run("ssh-keygen", "-D", MODULE, env=self.env).stdout.splitlines()
        self.assertTrue(lines and all(line.startswith("ecdsa-sha2-nistp256 ") for line in lines), lines)
        der = run("openssl", "pkey", "-pubin", "-in", self.public_key, "-outform", "PEM").stdout
        point = base64.b64decode("".join(der.splitlines()[1:-1]))[-65:]
        self.assertIn(point, base64.b64decode(lines[0].split()[1]))

    def test_a_card_that_is_not_there(self):
        env = dict(self.env, SIMROOT_CARD="at:/nowhere/modem", SIMROOT_LOG="stderr")
        result = subprocess.run(["pkcs11-tool", "--module", MODULE, "--list-objects"], env=env, capture_output=True,
                                text=True, timeout=LIMIT_S)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("No slot with a token was found", result.stderr)

    def test_a_wrong_setting_is_told_in_the_log(self):
        env = dict(self.env, SIMROOT_CARD="usb:1", SIMROOT_LOG="stderr")
        result = subprocess.run(["pkcs11-tool", "--module", MODULE, "--list-slots"], env=env, capture_output=True,
                                text=True, timeout=LIMIT_S)
        self.assertRegex(result.stderr, r"simroot-pkcs11: .*usb:1")


if __name__ == "__main__":
    unittest.main()
