# SPDX-License-Identifier: Apache-2.0
"""The whole platform as its users see it: init, serve, import, first switch-on, life of the credentials."""
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import LIMIT_S, MODULES, SIMROOT, Child, Pki, clean_environment, run


class Platform:
    """A platform on a free port of the loopback, and its administrator."""

    def __init__(self, folder):
        self.dir = os.path.join(folder, "platform")
        self.ca = os.path.join(self.dir, "ca.pem")
        self.device_ca = os.path.join(self.dir, "device-ca.pem")
        run(SIMROOT, "platform", "init", "--dir", self.dir)
        settings = os.path.join(self.dir, "platform.json")
        with open(settings, encoding="ascii") as file:
            values = json.load(file)
        values["sessions_per_minute_and_card"] = 100000  # tests begin more than any card does
        with open(settings, "w", encoding="ascii") as file:
            json.dump(values, file)
        self.server = None
        self.url = None

    def start(self, listen="127.0.0.1:0"):
        self.server = Child(SIMROOT, "platform", "serve", "--dir", self.dir, "--listen", listen)
        self.server.read_until(" at https://")
        self.server.read_until("\n")
        self.server.drain()
        self.url = self.server.output.split(" at ")[1].split()[0]
        return self

    def restart(self):
        """Again, at the same address."""
        self.start(self.url.removeprefix("https://"))

    def stop(self):
        if self.server is not None:
            self.server.__exit__()
            self.server = None

    def kill(self):
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait(10)
        self.server.__exit__()
        self.server = None

    def ask(self, *words):
        return json.loads(run(SIMROOT, "platform", *words, "--dir", self.dir, "--json").stdout)

    def credentials(self, iccid, state=None):
        return self.ask("credential", "list", "--iccid", iccid, *(["--state", state] if state else []))

    def jobs(self, iccid):
        return self.ask("job", "list", "--iccid", iccid)


class PlatformTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.platform = Platform(self.folder).start()
        self.addCleanup(self.platform.stop)
        self.cards = 0

    def make_card(self, profile="blank", keys="keys.csv", iccid=None):
        """A new card from the factory; its path and ICCID."""
        self.cards += 1
        path = os.path.join(self.folder, f"{self.cards}.card")
        options = ["--iccid", iccid] if iccid else []
        made = json.loads(run(SIMROOT, "card", "create", path, "--profile", profile, "--json", "--export-keys",
                              os.path.join(self.folder, keys), *options).stdout)
        return path, made["iccid"]

    def import_cards(self, keys="keys.csv"):
        return self.platform.ask("card", "import", os.path.join(self.folder, keys))

    def environment(self, **more):
        return clean_environment({"SIMROOT_CACHE": os.path.join(self.folder, "cache"), **more})

    def switch_on(self, card, check=True, url=None):
        return run(SIMROOT, "device", "switch-on", "--platform", url or self.platform.url, "--ca", self.platform.ca,
                   "--card", card, "--json", check=check, env=self.environment())

    def provisioned(self, profile="blank"):
        path, iccid = self.make_card(profile)
        self.import_cards()
        self.switch_on("sim:" + path)
        return path, iccid

    def device_environment(self, card):
        """A device whose openssl uses the key in this card."""
        path = os.path.join(self.folder, "openssl.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nproviders = provs\n[provs]\ndefault = d\nsimroot = s\n[d]\n"
                       f"activate = 1\n[s]\nmodule = {MODULES}/simroot.so\ncard = {card}\nactivate = 1\n")
        return self.environment(OPENSSL_CONF=path)

    def handshake(self, card, check=True):
        """A TLS handshake of the device with a server that trusts the tenant's CAs alone. What the server said."""
        if not hasattr(self, "pki"):
            self.pki = Pki(self.folder)
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pki.server, "-key",
                       self.pki.server_key, "-CAfile", self.platform.device_ca, "-Verify", "3", "-verify_return_error")
        with server:
            server.read_until("ACCEPT 127.0.0.1:")
            server.read_until("\n")
            port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
            client = Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, "-key", "iotsafe:label=tls", "-cert",
                           "iotsafe:label=tls;type=cert", "-CAfile", self.pki.ca, "-verify_return_error",
                           env=self.device_environment(card))
            with client:
                client.read_until("Verify return code: 0 (ok)")
                client.say("meter reading 42\n")
                server.read_until("meter reading 42")
            return server.output


class FirstSwitchOn(PlatformTestCase):
    def test_three_blank_cards(self):
        cards = [self.make_card(), self.make_card(), self.make_card("type2")]
        self.assertEqual(self.import_cards()["cards"], 3)
        self.platform.ask("device", "name", cards[0][1], "meter-17")
        for path, iccid in cards:
            answer = json.loads(self.switch_on("sim:" + path).stdout)
            self.assertTrue(answer["provisioned"], answer)
            active = self.platform.credentials(iccid, "active")
            self.assertEqual(len(active), 1, active)
            self.assertEqual([job["state"] for job in self.platform.jobs(iccid)], ["done"])
        self.assertEqual(self.platform.credentials(cards[2][1])[0]["kind"], "psk")
        said = self.handshake("sim:" + cards[0][0])
        self.assertIn("meter-17", said)
        self.assertIn(cards[0][1], said)
        self.handshake("sim:" + cards[1][0])
        self.assertIn("entries", self.platform.ask("audit", "verify"))

    def test_a_second_switch_on_changes_nothing(self):
        path, iccid = self.provisioned()
        before = self.platform.credentials(iccid)
        self.assertTrue(json.loads(self.switch_on("sim:" + path).stdout)["provisioned"])
        self.assertEqual(self.platform.credentials(iccid), before)

    def test_behind_a_modem(self):
        path, iccid = self.make_card()
        self.import_cards()
        modem = Child(SIMROOT, "card", "run", path, "--modem", path + ".modem")
        with modem:
            modem.read_until("modem on")
            self.switch_on("at:" + path + ".modem")
            self.assertIn(iccid, self.handshake("at:" + path + ".modem"))

    def test_a_clone_and_an_unknown_card_get_the_same_refusal(self):
        _, iccid = self.make_card()
        self.import_cards()
        clone, _ = self.make_card(keys="others.csv", iccid=iccid)
        stranger, stranger_iccid = self.make_card(keys="others.csv")
        answers = []
        for path, number in ((clone, iccid), (stranger, stranger_iccid)):
            result = self.switch_on("sim:" + path, check=False)
            self.assertEqual(result.returncode, 1, result.stderr)
            answers.append(result.stderr.replace(path, "CARD").replace(number, "ICCID"))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(self.platform.credentials(iccid), [])
        refused = [entry for entry in self.platform.ask("audit", "list") if "refused" in entry["action"]]
        self.assertEqual(len(refused), 2, refused)

    def test_a_card_that_is_held_back_before_its_first_contact(self):
        path, iccid = self.make_card()
        self.import_cards()
        early = run(SIMROOT, "platform", "card", "resume", iccid, "--dir", self.platform.dir, check=False)
        self.assertIn("becomes active by its first secured session only", early.stderr)
        self.platform.ask("card", "suspend", iccid)
        again = run(SIMROOT, "platform", "card", "suspend", iccid, "--dir", self.platform.dir, check=False)
        self.assertIn("is suspended already", again.stderr)
        self.assertEqual(self.switch_on("sim:" + path, check=False).returncode, 1)
        self.assertEqual(self.platform.credentials(iccid), [])
        self.platform.ask("card", "resume", iccid)
        self.assertTrue(json.loads(self.switch_on("sim:" + path).stdout)["provisioned"])
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)

    def test_bad_lines_are_named_and_nothing_is_imported(self):
        self.make_card()
        keys = os.path.join(self.folder, "keys.csv")
        with open(keys, encoding="ascii") as file:
            lines = file.read().splitlines()
        with open(keys, "w", encoding="ascii") as file:
            file.write("\n".join([*lines, lines[1][:-2]]) + "\n")
        result = run(SIMROOT, "platform", "card", "import", keys, "--dir", self.platform.dir, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"line {len(lines) + 1} ", result.stderr)
        self.assertNotIn(lines[1].split(",")[6], result.stderr)
        self.assertEqual(self.platform.ask("card", "list"), [])


class Life(PlatformTestCase):
    def test_rotation_keeps_the_label(self):
        path, iccid = self.provisioned()
        first = self.platform.credentials(iccid, "active")[0]
        self.platform.ask("job", "request", iccid, "rotate")
        self.switch_on("sim:" + path)
        states = {c["id"]: c["state"] for c in self.platform.credentials(iccid)}
        self.assertEqual(sorted(states.values()), ["active", "superseded"])
        self.assertEqual(states[first["id"]], "superseded")
        second = self.platform.credentials(iccid, "active")[0]
        self.assertNotEqual(first["name"], second["name"])
        self.handshake("sim:" + path)

    def test_revocation_removes_the_key_from_the_card(self):
        path, iccid = self.provisioned()
        credential = self.platform.credentials(iccid, "active")[0]["id"]
        self.platform.ask("credential", "revoke", str(credential), "--reason", "keyCompromise")
        self.switch_on("sim:" + path)
        self.assertEqual(self.platform.ask("credential", "show", str(credential))["state"], "deleted")
        sign = run(SIMROOT, "device", "sign", "label=tls", os.devnull, "--card", "sim:" + path, check=False,
                   env=self.environment())
        self.assertNotEqual(sign.returncode, 0)
        crl = os.path.join(self.folder, "crl.der")
        issuing = [ca for ca in self.platform.ask("ca", "list") if ca["issues"]][0]
        run(SIMROOT, "platform", "ca", "crl", str(issuing["id"]), "--out", crl, "--dir", self.platform.dir)
        text = run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-text").stdout
        self.assertIn("Key Compromise", text)

    def test_suspend_and_resume(self):
        path, iccid = self.provisioned()
        self.platform.ask("card", "suspend", iccid)
        self.assertEqual(len(self.platform.credentials(iccid, "suspended")), 1)
        self.platform.ask("card", "resume", iccid)
        self.switch_on("sim:" + path)
        self.handshake("sim:" + path)


class Backup(PlatformTestCase):
    def test_a_copy_serves_on(self):
        path, iccid = self.provisioned()
        copy = os.path.join(self.folder, "copy")
        run(SIMROOT, "platform", "backup", "--dir", self.platform.dir, copy)
        again = run(SIMROOT, "platform", "backup", "--dir", self.platform.dir, copy, check=False)
        self.assertEqual(again.returncode, 2)
        self.assertIn("exists already", again.stderr)
        before = self.platform.credentials(iccid)
        self.platform.stop()
        self.platform.dir = copy
        self.platform.start()
        self.assertEqual(self.platform.credentials(iccid), before)
        self.platform.ask("job", "request", iccid, "rotate")
        self.switch_on("sim:" + path)
        self.assertEqual(len(self.platform.credentials(iccid)), 2)
        for folder, _, files in os.walk(copy):
            for name in files:
                if name not in ("ca.pem", "device-ca.pem", "platform.json", "address"):
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o077, 0, name)


class Files(PlatformTestCase):
    def test_the_token_may_be_kept_elsewhere(self):
        self.platform.stop()
        os.unlink(os.path.join(self.platform.dir, "admin.token"))
        self.platform.start()
        refused = run(SIMROOT, "platform", "card", "list", "--dir", self.platform.dir, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("admin.token", refused.stderr)

    def test_what_servers_trust_follows_the_cas(self):
        def count():
            with open(self.platform.device_ca, encoding="ascii") as file:
                return file.read().count("BEGIN CERTIFICATE")
        before = count()
        self.platform.ask("ca", "rotate")
        end = time.monotonic() + LIMIT_S
        while count() == before:
            self.assertLess(time.monotonic(), end, "the new CA is not in device-ca.pem")
            time.sleep(0.2)
        self.assertEqual(count(), before + 1)
        path, _ = self.provisioned()
        self.handshake("sim:" + path)


class Words(PlatformTestCase):
    def refused(self, *words):
        result = run(SIMROOT, "platform", *words, check=False)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        return result.stderr

    def test_what_is_not_given_of_a_policy_stays(self):
        before = next(policy for policy in self.platform.ask("policy", "list") if policy["name"] == "default")
        issuing = next(ca["id"] for ca in self.platform.ask("ca", "list") if ca["issues"])
        for words, change in ((["--days", "33"], {"lifetime_s": 33 * 86400}), (["--same-key"], {"rotate_key": False}),
                              (["--renew-days", "3"], {"renew_before_s": 3 * 86400}),
                              (["--ca", str(issuing)], {"authority": issuing}), (["--new-key"], {"rotate_key": True})):
            before.update(change)
            self.assertEqual(self.platform.ask("policy", "set", "default", *words), before)
        made = self.platform.ask("policy", "set", "another", "--kind", "psk")
        self.assertEqual((made["kind"], made["lifetime_s"]), ("psk", 365 * 86400))

    def test_a_wrong_word_is_answered_with_the_right_ones(self):
        here = ("--dir", self.platform.dir)
        self.assertIn("switch-on,rotate,renew,erase,update-trust,replace-keys",
                      self.refused("job", "request", "8988", "reboot", *here))
        self.assertIn("viewer,operator,admin", self.refused("token", "create", "x", "--role", "boss", *here))
        self.assertIn("certificate,psk", self.refused("policy", "set", "x", "--kind", "none", *here))
        self.assertIn("imported,active,suspended,retired", self.refused("card", "list", "--state", "lost", *here))
        self.assertIn("keyCompromise, affiliationChanged",
                      run(SIMROOT, "platform", "credential", "revoke", "1", "--reason", "why", *here, check=False).stderr)

    def test_a_directory_without_a_platform(self):
        said = self.refused("card", "list", "--dir", self.folder)
        self.assertIn("holds no platform", said)
        self.assertIn("platform init", said)


class Interruptions(PlatformTestCase):
    ROUNDS = int(os.environ.get("SIMROOT_TEST_KILLS", "12"))

    def start_switch_on(self, card):
        return subprocess.Popen([SIMROOT, "device", "switch-on", "--platform", self.platform.url, "--ca",
                                 self.platform.ca, "--card", card], env=self.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def keep_it_busy(self, iccid):
        """After the first switch-on there is always a rotation to be done."""
        if self.platform.credentials(iccid, "active") and {j["state"] for j in self.platform.jobs(iccid)} == {"done"}:
            self.platform.ask("job", "request", iccid, "rotate")

    def check_card(self, path, iccid):
        self.switch_on("sim:" + path)
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
        self.assertEqual({job["state"] for job in self.platform.jobs(iccid)}, {"done"})
        made = [c["job"] for c in self.platform.credentials(iccid)]
        self.assertEqual(len(made), len(set(made)))
        print(f"{self.ROUNDS} kills, {len(made)} credentials made", flush=True)
        self.handshake("sim:" + path)

    def test_kill_9_of_the_device(self):
        path, iccid = self.make_card()
        self.import_cards()
        for _ in range(self.ROUNDS):
            self.keep_it_busy(iccid)
            device = self.start_switch_on("sim:" + path)
            time.sleep(random.uniform(0.0, 0.12))  # a random moment of the switch-on, which the test is about
            device.kill()
            device.wait()
        self.check_card(path, iccid)

    def test_kill_9_of_the_platform(self):
        path, iccid = self.make_card()
        self.import_cards()
        for _ in range(self.ROUNDS):
            self.keep_it_busy(iccid)
            device = self.start_switch_on("sim:" + path)
            time.sleep(random.uniform(0.0, 0.12))  # as above
            self.platform.kill()
            self.platform.restart()
            device.kill()
            device.wait()
        self.check_card(path, iccid)
        self.assertIn("entries", self.platform.ask("audit", "verify"))


if __name__ == "__main__":
    unittest.main()
