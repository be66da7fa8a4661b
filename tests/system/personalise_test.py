# SPDX-License-Identifier: Apache-2.0
"""`card create --export-keys` and `card personalise`: the issuer's hand through the security domain, over each way."""
import json
import os
import shutil
import stat
import tempfile
import unittest

from support import SIMROOT, Child, run

HEADER = "iccid,imsi,profile,aid,kvn,algorithm,enc,mac,dek"
SCRIPT = """# a file of three bytes
E0 03 400101
E311 C30F 830109 730474657374 600101 210101  # readable, general
E808 830109 4303414243
E1 00
"""


class Personalise(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.card = self.path("sim.card")
        self.keys = self.path("keys.csv")
        self.script = self.path("script")
        self.write(self.script, SCRIPT)

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def lines(self):
        with open(self.keys, encoding="ascii") as file:
            return file.read().splitlines()

    def secrets(self):
        return [key for line in self.lines()[1:] for key in line.split(",")[6:]]

    def create(self, *more, **options):
        return run(SIMROOT, "card", "create", self.card, "--export-keys", self.keys, *more, **options)

    def personalise(self, card=None, **options):
        return run(SIMROOT, "card", "personalise", "--card", card or self.card, "--keys", self.keys, "--script",
                   self.script, *options.pop("more", ()), **options)

    def assert_no_secret(self, *texts):
        for text in texts:
            for secret in self.secrets():
                self.assertNotIn(secret.lower(), text.lower())

    def test_keys_are_noted_once_for_each_set(self):
        created = self.create("--profile", "blank")
        self.assertIn("its keys are in " + self.keys, created.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.keys).st_mode), 0o600)
        lines = self.lines()
        self.assertEqual(lines[0], HEADER)
        self.assertEqual([line.split(",")[2:6] for line in lines[1:]],
                         [["blank", "A000000151000000", "30", "aes-128"], ["blank", "A000000151000000", "01", "aes-128"]])
        self.assertEqual(len(set(self.secrets())), 6)
        self.assert_no_secret(created.stdout, created.stderr)

    def test_key_sizes_and_a_second_card_in_the_same_file(self):
        self.create("--key-size", "192")
        self.card = self.path("second.card")
        self.create("--key-size", "256", "--json")
        self.assertEqual([len(key) for key in self.secrets()], 6 * [48] + 6 * [64])
        self.assertEqual(self.personalise().returncode, 0)
        self.assertEqual(self.create("--key-size", "100", check=False).returncode, 2)

    def test_card_whose_keys_cannot_be_noted_is_not_made(self):
        self.write(self.keys, "something else\n")
        os.chmod(self.keys, 0o600)
        refused = self.create(check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("no file of card keys", refused.stderr)
        self.assertFalse(os.path.exists(self.card))
        with open(self.keys, encoding="ascii") as file:
            self.assertEqual(file.read(), "something else\n")

    def test_without_export_nobody_knows_the_keys_and_the_program_says_so(self):
        created = run(SIMROOT, "card", "create", self.card)
        self.assertIn("nobody knows them", created.stdout)
        self.card = self.path("other.card")
        self.assertFalse(json.loads(run(SIMROOT, "card", "create", self.card, "--json").stdout)["keys_known"])

    def test_objects_appear_for_the_device(self):
        for profile in ("blank", "demo", "type2"):
            self.card = self.path(profile + ".card")
            self.create("--profile", profile)
            result = self.personalise(more=["--trace"])
            self.assertIn("9000", result.stdout)
            self.assert_no_secret(result.stdout, result.stderr)
            content = run(SIMROOT, "device", "read-file", "label=test", "--card", "sim:" + self.card).stdout
            self.assertEqual(content, "ABC")

    def test_over_a_modem_in_both_modes_while_the_device_uses_the_applet(self):
        self.create()
        port = self.path("modem")
        for more in ([], ["--auto-get-response"], ["--t1"]):
            with Child(SIMROOT, "card", "run", self.card, "--modem", port, *more) as modem:
                modem.read_until(port)
                for number, mode in enumerate(("csim", "cgla")):
                    identifier = f"{4 + number}{1 + len(more) + ('--t1' in more)}"
                    self.write(self.script, SCRIPT.replace("830109", "8301" + identifier).replace(
                        "730474657374", "7304" + (mode[:2] + identifier).encode().hex()))
                    card = f"at:{port}?mode={mode}"
                    report = json.loads(self.personalise(card, more=["--json"]).stdout)
                    self.assertTrue(report["done"])
                    self.assertEqual([block["sw"] for block in report["blocks"]], 4 * ["9000"])
                    self.assertEqual(run(SIMROOT, "device", "read-file", identifier, "--card", card).stdout, "ABC")

    def test_refused_line_is_named_and_nothing_is_kept(self):
        self.create()
        self.write(self.script, SCRIPT.replace("E1 00", "EE00"))
        refused = self.personalise(more=["--json"], check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("refuses line 5", refused.stderr)
        report = json.loads(refused.stdout)
        self.assertFalse(report["done"])
        self.assertNotEqual(report["blocks"][-1]["sw"], "9000")
        absent = run(SIMROOT, "device", "read-file", "label=test", "--card", "sim:" + self.card, check=False)
        self.assertNotEqual(absent.returncode, 0)

    def test_other_keys(self):
        self.create()
        good = self.lines()
        wrong = good[1].split(",")
        wrong[7] = wrong[6]
        self.write(self.keys, "\n".join([good[0], ",".join(wrong)]) + "\n")
        refused = self.personalise(check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("keys belong to this card", refused.stderr)
        self.assert_no_secret(refused.stdout, refused.stderr)
        self.write(self.keys, good[0] + "\n")
        self.assertEqual(self.personalise(check=False).returncode, 2)
        self.write(self.keys, "\n".join(good) + "\n")
        self.personalise()

    def test_wrong_input(self):
        self.create()
        for text in ("", "# nothing\n", "E1 0\n", "00" * 240 + "\n"):
            self.write(self.script, text)
            self.assertEqual(self.personalise(check=False).returncode, 2)
        self.write(self.script, SCRIPT)
        self.assertEqual(self.personalise(more=["--aid", "A0"], check=False).returncode, 2)
        unknown = self.personalise(more=["--aid", "A000000559001122"], check=False)
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("6A88", unknown.stderr)
        self.assertEqual(self.personalise(card=self.path("none.card"), check=False).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
