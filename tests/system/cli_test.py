# SPDX-License-Identifier: Apache-2.0
"""The command line: what each command prints, as text and as JSON, and that traces and outputs hold no secret."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

from support import LIMIT_S, SIMROOT, CardTestCase, clean_environment, run


class Device(CardTestCase):
    def call(self, *arguments, **more):
        return run(SIMROOT, "device", *arguments, "--card", self.card, env=self.device, **more)

    def test_info_and_list_as_json(self):
        info = json.loads(self.call("info", "--json").stdout)
        self.assertTrue(info["simroot_applet"])
        self.assertRegex(info["iccid"], r"^8988\d{15}$")
        objects = json.loads(self.call("list", "--json").stdout)["objects"]
        self.assertEqual([(o["class"], o["id"]) for o in objects],
                         [("private key", "01"), ("private key", "04"), ("public key", "01"), ("public key", "04"),
                          ("public key", "05"), ("public key", "06"), ("secret key", "06"), ("secret key", "07"),
                          ("secret key", "08"), ("file", "02"), ("file", "03")])

    def test_random(self):
        first = self.call("random", "600").stdout.strip()
        second = json.loads(self.call("random", "600", "--json").stdout)["random"]
        self.assertEqual((len(first), len(second)), (1200, 1200))
        self.assertNotEqual(first, second)

    def test_sign_and_verify_in_every_form(self):
        text = self.certificate
        public = os.path.join(self.folder, "public.pem")
        self.call("public-key", "label=sig", "--out", public)
        for digest in ("sha256", "sha384", "sha512"):
            der = os.path.join(self.folder, digest + ".der")
            self.call("sign", "01", text, "--hash", digest, "--out", der)
            run("openssl", "dgst", "-" + digest, "-verify", public, "-signature", der, text)
            self.assertIn("valid", self.call("verify", "01", der, text, "--hash", digest).stdout)
        raw = self.call("sign", "label=sig", "-", "--raw", text="meter reading").stdout.strip()
        self.assertEqual(len(raw), 128)
        self.assertIn("valid", self.call("verify", "label=sig", raw, text="meter reading").stdout)
        flipped = raw[:-1] + ("0" if raw[-1] != "0" else "1")
        self.assertEqual(self.call("verify", "01", flipped, text="meter reading", check=False).returncode, 1)
        self.assertEqual(self.call("verify", "01", raw[:-2], text="meter reading", check=False).returncode, 2)

    def test_hash_is_that_of_openssl(self):
        for name in ("sha256", "sha384", "sha512"):
            expected = run("openssl", "dgst", "-" + name, "-r", self.certificate).stdout.split()[0].upper()
            self.assertEqual(self.call("hash", self.certificate, "--hash", name).stdout.strip(), expected)
        self.assertEqual(json.loads(self.call("hash", "--json", text="").stdout)["digest"][:8], "E3B0C442")

    def test_mac_depends_on_every_byte(self):
        macs = [self.call("mac", ref, text=text).stdout.strip()
                for ref, text in (("08", "meter"), ("label=mac", "meter"), ("08", "meteR"), ("08", ""))]
        self.assertEqual(macs[0], macs[1])
        self.assertEqual(len(set(macs)), 3)
        self.assertEqual({len(mac) for mac in macs}, {32})
        self.assertIn("not allowed", self.call("mac", "07", text="", check=False).stderr)

    def test_encrypted_files_come_back_and_no_other_way(self):
        text = os.urandom(1000)
        plain, sealed, opened = (os.path.join(self.folder, name) for name in ("plain", "sealed", "opened"))
        with open(plain, "wb") as out:
            out.write(text)
        for mode, size in (("gcm", 22 + 5 * 31 + 1000), ("ctr", 22 + 1000), ("cbc", 22 + 1008)):
            self.call("encrypt", "07", plain, "--mode", mode, "--out", sealed)
            with open(sealed, "rb") as file:
                content = file.read()
            self.assertEqual((content[:4], len(content)), (b"SRSF", size), mode)
            self.assertNotIn(text[:32], content)
            self.assertEqual(os.stat(sealed).st_mode & 0o777, 0o600)
            self.call("decrypt", "label=aes", sealed, "--out", opened)
            with open(opened, "rb") as file:
                self.assertEqual(file.read(), text, mode)
        self.assertIn("only AES-GCM", self.call("encrypt", "07", "--mode", "cbc", "--aad", "x", text="",
                                                check=False).stderr)

    def test_changed_file_is_not_decrypted(self):
        plain, sealed = (os.path.join(self.folder, name) for name in ("plain", "sealed"))
        with open(plain, "wb") as out:
            out.write(bytes(500))
        self.call("encrypt", "07", plain, "--aad", "meter 7", "--out", sealed)
        self.assertEqual(self.call("decrypt", "07", sealed, "--aad", "meter 7").stdout, "\0" * 500)
        with open(sealed, "rb") as file:
            good = file.read()
        head, first, second, third = good[:22], good[22:277], good[277:532], good[532:]
        wrong = {"other additional data": (good, "meter 8"), "cut": (good[:-1], "meter 7"),
                 "without its end": (head + first + second, "meter 7"),
                 "in another order": (head + second + first + third, "meter 7"),
                 "one segment missing": (head + first + third, "meter 7")}
        for at in (5, 6, 22, 34, 36, 40, 276, len(good) - 1):
            wrong[f"byte {at} changed"] = (good[:at] + bytes([good[at] ^ 1]) + good[at + 1:], "meter 7")
        for name, (content, aad) in wrong.items():
            with open(sealed, "wb") as out:
                out.write(content)
            result = self.call("decrypt", "07", sealed, "--aad", aad, check=False)
            self.assertNotEqual(result.returncode, 0, name)
            self.assertEqual(result.stdout, "", name)

    def test_certificate_request(self):
        csr = self.call("csr", "01", "--subject", r"CN=a\,b,O=x").stdout
        result = run("openssl", "req", "-verify", "-noout", "-subject", text=csr)
        self.assertIn("verify OK", result.stderr)
        self.assertIn("a", result.stdout)
        self.assertEqual(self.call("csr", "01", "--subject", "nonsense", check=False).returncode, 2)

    def test_generate_gives_a_new_volatile_pair_each_time(self):
        first = json.loads(self.call("generate", "04", "--json").stdout)
        second = json.loads(self.call("generate", "04", "--json").stdout)
        self.assertEqual((first["private_id"], first["public_id"]), ("04", "04"))
        self.assertNotEqual(first["public_key"], second["public_key"])
        self.assertEqual(self.call("generate", "01", check=False).returncode, 1)  # not updatable

    def test_empty_file_is_an_error_with_a_next_step(self):
        result = self.call("read-file", "03", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^simroot: file 03 .*empty.*; ")

    def test_trace_hides_what_may_be_secret(self):
        result = self.call("random", "16", "--trace")
        self.assertIn("GET RANDOM", result.stderr)
        self.assertNotIn(result.stdout.strip(), result.stderr)

    def test_warm_reads_come_from_the_cache(self):
        self.call("read-file", "02", "--pem")
        trace = self.call("read-file", "02", "--pem", "--trace").stderr
        self.assertNotIn("READ FILE", trace)
        folder = os.path.join(self.folder, "cache")
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)

    def test_wrapper_with_certificate(self):
        out = os.path.join(self.folder, "both.pem")
        self.call("wrap-key", "01", out, "--cert", "02")
        self.call("wrap-key", "01", out, "--cert", "02")  # a wrapper takes the place of a wrapper, and of nothing else
        other = os.path.join(self.folder, "other.pem")
        for content in ("-----BEGIN PRIVATE KEY-----\n", "x", "\0" * 70000):
            with open(other, "w", encoding="ascii") as file:
                file.write(content)
            self.assertIn("exists and is no wrapper file", self.call("wrap-key", "01", other, check=False).stderr)
            with open(other, encoding="ascii") as file:
                self.assertEqual(file.read(), content)
        with open(out, encoding="ascii") as file:
            text = file.read()
        self.assertIn("BEGIN SIMROOT PRIVATE KEY", text)
        self.assertIn("BEGIN CERTIFICATE", text)


class Others(unittest.TestCase):
    def test_option_goes_before_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            cards = [os.path.join(folder, name) for name in ("a.card", "b.card")]
            iccids = [json.loads(run(SIMROOT, "card", "create", card, "--json").stdout)["iccid"] for card in cards]
            env = clean_environment({"SIMROOT_CARD": "sim:" + cards[0], "SIMROOT_CACHE": folder + "/cache"})
            self.assertIn(iccids[0], run(SIMROOT, "device", "info", env=env).stdout)
            self.assertIn(iccids[1], run(SIMROOT, "device", "info", "--card", "sim:" + cards[1], env=env).stdout)

    def test_cache_tells_cards_with_the_same_iccid_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            env = clean_environment({"SIMROOT_CACHE": folder + "/cache"})
            keys = set()
            for name in ("a.card", "b.card"):
                card = os.path.join(folder, name)
                run(SIMROOT, "card", "create", card, "--iccid", "8988000000000000001")
                keys.add(run(SIMROOT, "device", "public-key", "01", "--card", "sim:" + card, env=env).stdout)
            self.assertEqual(len(keys), 2)

    def test_saved_output_of_sign_is_taken_by_verify(self):
        with tempfile.TemporaryDirectory() as folder:
            card, text, saved = (os.path.join(folder, name) for name in ("a.card", "text", "signature"))
            run(SIMROOT, "card", "create", card)
            with open(text, "w", encoding="ascii") as file:
                file.write("meter reading 42")
            with open(saved, "w", encoding="ascii") as file:
                file.write(run(SIMROOT, "device", "sign", "01", text, "--card", "sim:" + card).stdout)
            self.assertIn("valid", run(SIMROOT, "device", "verify", "01", saved, text, "--card", "sim:" + card).stdout)

    def test_demo_of_the_device_cleans_up_when_nobody_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            demo = subprocess.Popen([SIMROOT, "demo", "--device"], env=clean_environment({"TMPDIR": folder}),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            demo.stdout.readline()
            demo.stdout.close()
            self.assertEqual(demo.wait(timeout=LIMIT_S), 1)
            demo.stderr.close()
            self.assertEqual(os.listdir(folder), [])

    def test_decode(self):
        command = run(SIMROOT, "decode", "812A00010D840101A1010391020001920104").stdout
        for word in ("command", "COMPUTE SIGNATURE INIT", "private key identifier 01", "pad and sign", "SHA-256"):
            self.assertIn(word, command)
        self.assertIn("more data", run(SIMROOT, "decode", "C3 03 83 01 02 6300").stdout)
        self.assertEqual(json.loads(run(SIMROOT, "decode", "6A82", "--json").stdout)["kind"], "response")
        packet = run(SIMROOT, "decode", "001D1512017575000000000000036F0087A47C630C8CA89EA0A40000027F20").stdout
        self.assertTrue(packet.startswith("secured packet: command packet"), packet)
        self.assertIn("SELECT file 7F20", packet)
        self.assertIn("GET DATA", run(SIMROOT, "decode", "AE80220580CA0085000000").stdout)

    def test_a_command_that_is_none(self):
        for words, said in ((["devise"], 'no command "simroot devise"; perhaps `simroot device`; see `simroot --help`'),
                            (["device", "lst"], "perhaps `simroot device list`; see `simroot device --help`"),
                            (["platform", "job", "frob"], "job frob\"; see `simroot platform job --help`")):
            result = run(SIMROOT, *words, check=False)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(said, result.stderr)

    def test_completion_is_valid_bash(self):
        script = run(SIMROOT, "completion", "bash").stdout
        run("bash", "-n", text=script)
        check = script + '\nCOMP_WORDS=(simroot device si); COMP_CWORD=2; _simroot; echo "${COMPREPLY[@]}"\n'
        self.assertIn("sign", run("bash", text=check).stdout)

    def test_help_of_every_command(self):
        self.assertIn("Exit status", run(SIMROOT, "--help").stdout)
        for command in (["card", "create"], ["card", "run"], ["device", "sign"], ["demo"], ["decode"]):
            self.assertIn("Usage", run(SIMROOT, *command, "--help").stdout)

    def test_demo_of_the_device(self):
        result = run(SIMROOT, "demo", "--device")
        self.assertNotIn("FAIL", result.stdout)
        self.assertIn("12 steps, all verified", result.stdout)
        rows = {row[0]: [int(number) for number in row[1:]]
                for row in re.findall(r"^(\S.*?) {2,}CN = \S+ +(\d+) +(\d+) +(\d+)$", result.stdout, re.MULTILINE)}
        self.assertEqual(len(rows), 4, result.stdout)
        apdus, of_signature, _ = rows["curl TLS 1.3"]
        self.assertLessEqual(apdus, 6)  # a cold process, channel opened and closed
        self.assertTrue(all(row[1] == 3 for row in rows.values()), rows)  # T=0: INIT, UPDATE, GET RESPONSE
        self.assertEqual(of_signature, 3)

    def test_demo_of_a_pre_shared_key(self):
        result = run(SIMROOT, "demo", "--psk")
        self.assertNotIn("FAIL", result.stdout)
        self.assertIn("11 steps, all verified", result.stdout)

    def test_demo_of_the_device_cleans_up_after_ctrl_c(self):
        folder = os.environ.get("TMPDIR", "/tmp")
        before = {name for name in os.listdir(folder) if name.startswith("simroot-demo-")}
        demo = subprocess.Popen([SIMROOT, "demo", "--device"], env=clean_environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        while "emulated modem" not in demo.stdout.readline():
            self.assertIsNone(demo.poll())
        demo.send_signal(signal.SIGINT)
        out, error = demo.communicate(timeout=LIMIT_S)
        self.assertEqual(demo.returncode, 1, out)
        self.assertIn("stopped by a signal", error)
        left = {name for name in os.listdir(folder) if name.startswith("simroot-demo-")} - before
        self.assertEqual(left, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
