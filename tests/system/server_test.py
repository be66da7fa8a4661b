# SPDX-License-Identifier: Apache-2.0
"""An application server as its users see it: invited, enrolled, following the platform, shut out."""
import base64
import http.client
import json
import os
import shutil
import ssl
import stat
import unittest

from platform_test import PlatformTestCase
from support import SIMROOT, run


class Reader:
    """What an application server asks of the platform, with its identity, by Python's own HTTP and TLS."""

    def __init__(self, url, directory):
        self.identity = os.path.join(directory, "identity.pem")
        context = ssl.create_default_context(cafile=os.path.join(directory, "platform-ca.pem"))
        context.load_cert_chain(self.identity)
        host, port = url.removeprefix("https://").split(":")
        self.connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=90)

    def ask(self, target, body=None):
        """Status and JSON."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.connection.request("GET" if body is None else "POST", target,
                                None if body is None else json.dumps(body), headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def snapshot(self, limit=1000):
        items, after, feed = [], 0, None
        while after is not None:
            status, part = self.ask(f"/v1/feed/snapshot?limit={limit}&after={after}")
            assert status == 200, part
            items += part["items"]
            after, feed = part["next"], part["feed"] if feed is None else feed
        return {item["credential"]["id"]: item for item in items}, feed

    def follow(self, known, after):
        """Applies all changes after a number; where the feed is now."""
        while True:
            status, part = self.ask(f"/v1/feed?after={after}")
            assert status == 200, part
            for item in part["items"]:
                known[item["credential"]["id"]] = {name: item[name] for name in
                                                   ("credential", "fingerprint", "sealed_psk")}
            if part["next"] == after:
                return after
            after = part["next"]

    def open(self, sealed, folder):
        """What the openssl program makes of a sealed key; None if it does not open."""
        path = os.path.join(folder, "sealed.der")
        with open(path, "wb") as file:
            file.write(base64.b64decode(sealed))
        out = os.path.join(folder, "opened")
        done = run("openssl", "cms", "-decrypt", "-inform", "DER", "-in", path, "-recip", self.identity, "-inkey",
                   self.identity, "-binary", "-out", out, check=False)
        if done.returncode != 0:
            return None
        with open(out, "rb") as file:
            return file.read()


class ServerTestCase(PlatformTestCase):
    def invite(self, name, tenant="default"):
        return self.platform.ask("server", "invite", name, "--tenant", tenant)["token"]

    def enrol(self, name, token, check=True, how=None, folder="servers"):
        """Runs the command; its result and the directory."""
        directory = os.path.join(self.folder, folder, name)
        path = os.path.join(self.folder, name + ".token")
        with open(path, "w", encoding="ascii") as file:
            file.write(token + "\n")
        os.chmod(path, 0o600)
        given = {"file": ["--token-file", path], "stdin": ["--token-file", "-"], "word": ["--token", token]}[how or "file"]
        result = run(SIMROOT, "server", "enrol", "--platform", self.platform.url, "--ca", self.platform.ca, "--dir",
                     directory, *given, check=check, text=token + "\n" if how == "stdin" else "")
        return result, directory

    def enrolled(self, name, tenant="default", how=None):
        return self.enrol(name, self.invite(name, tenant), how=how, folder=tenant)[1]

    def reader(self, directory):
        reader = Reader(self.platform.url, directory)
        self.addCleanup(reader.connection.close)
        return reader


class Enrolment(ServerTestCase):
    def test_the_whole_way(self):
        for number, how in enumerate(("file", "stdin", "word")):
            directory = self.enrolled(f"web-{number}", how=how)
            status = json.loads(run(SIMROOT, "server", "status", "--dir", directory, "--json").stdout)
            self.assertEqual(status["name"], f"web-{number}")
            self.assertEqual(status["tenant"], "default")
            self.assertEqual(status["platform"], self.platform.url)
            self.assertFalse(status["has_copy"])
            self.assertFalse(status["certificate_ended"])
            self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700)
            identity = os.path.join(directory, "identity.pem")
            self.assertEqual(stat.S_IMODE(os.stat(identity).st_mode), 0o600)
        self.assertEqual(len(self.platform.ask("server", "list")), 3)
        self.assertIn("entries", self.platform.ask("audit", "verify"))
        os.chmod(identity, 0o644)
        refused = run(SIMROOT, "server", "status", "--dir", directory, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("chmod 600", refused.stderr)

    def test_status_needs_no_platform(self):
        directory = self.enrolled("web-1")
        self.platform.stop()
        self.assertIn("web-1", run(SIMROOT, "server", "status", "--dir", directory).stdout)
        devices = run(SIMROOT, "server", "devices", "--dir", directory, check=False)
        self.assertEqual(devices.returncode, 1)
        self.assertIn("knows no devices yet", devices.stderr)

    def test_a_token_is_good_for_one_server(self):
        token = self.invite("web-1")
        self.enrol("web-1", token)
        for attempt in (token, token, "sri_" + "A" * 43, "nonsense"):
            result, directory = self.enrol("web-2", attempt, check=False)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("one-time token", result.stderr)
            self.assertNotIn(attempt, result.stderr)
            self.assertFalse(os.path.exists(directory))

    def test_a_directory_has_one_identity(self):
        token = self.invite("web-2")
        directory = self.enrolled("web-1")
        with open(os.path.join(directory, "identity.pem"), "rb") as file:
            before = file.read()
        path = os.path.join(self.folder, "second.token")
        with open(path, "w", encoding="ascii") as file:
            file.write(token)
        result = run(SIMROOT, "server", "enrol", "--platform", self.platform.url, "--ca", self.platform.ca, "--dir",
                     directory, "--token-file", path, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("already", result.stderr)
        with open(os.path.join(directory, "identity.pem"), "rb") as file:
            self.assertEqual(file.read(), before)
        self.enrol("web-2", token)  # it was not spent

    def test_the_platform_is_stopped(self):
        token = self.invite("web-1")
        self.platform.stop()
        result, directory = self.enrol("web-1", token, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot connect", result.stderr)
        self.assertFalse(os.path.exists(directory))
        self.platform.restart()
        self.enrol("web-1", token)

    def test_wrong_usage(self):
        missing = os.path.join(self.folder, "missing")
        options = ["--platform", self.platform.url, "--ca", self.platform.ca, "--dir", os.path.join(self.folder, "w")]
        for words in (["enrol", *options], ["enrol", *options, "--token", ""],
                      ["enrol", *options, "--token", "a", "--token-file", "b"],
                      ["enrol", *options[:-2], "--token", "a"], ["status", "--dir", missing], ["status"], ["nothing"]):
            result = run(SIMROOT, "server", *words, check=False, text="")
            self.assertEqual(result.returncode, 2, (words, result.stderr))
            self.assertTrue(result.stderr)
        result = run(SIMROOT, "server", "enrol", *options, "--token-file", missing, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(missing, result.stderr)
        self.assertIn("server) words=", run(SIMROOT, "completion", "bash").stdout)


class Following(ServerTestCase):
    def test_snapshot_and_feed_tell_the_same(self):
        cards = [self.make_card(), self.make_card(), self.make_card("type2")]
        self.import_cards()
        for path, _ in cards:
            self.switch_on("sim:" + path)
        reader = self.reader(self.enrolled("web-1"))
        known, number = reader.snapshot()
        self.assertEqual(len(known), 3)
        self.platform.ask("device", "name", cards[0][1], "meter-17")
        self.platform.ask("job", "request", cards[1][1], "rotate")
        self.switch_on("sim:" + cards[1][0])
        active = self.platform.credentials(cards[1][1], "active")[0]
        status, _ = reader.ask("/v1/feed/use", {"credential": active["name"]})
        self.assertEqual(status, 200)
        last = self.platform.credentials(cards[0][1], "active")[0]["id"]
        self.platform.ask("credential", "suspend", str(last))
        reader.follow(known, number)
        fresh, _ = reader.snapshot(limit=1)
        for item in (*known.values(), *fresh.values()):
            item["sealed_psk"] = item["sealed_psk"] is not None  # each sealing is another
        self.assertEqual(known, fresh)
        self.assertEqual(known[last]["credential"]["state"], "suspended")
        self.assertEqual(known[last]["credential"]["device"], "meter-17")
        # From the beginning without a snapshot: all that can be used is the same.
        replayed = {}
        reader.follow(replayed, 0)
        for identifier, item in fresh.items():
            self.assertEqual(replayed[identifier]["credential"], item["credential"])

    def test_a_new_name_arrives(self):
        _, iccid = self.provisioned()
        reader = self.reader(self.enrolled("web-1"))
        known, number = reader.snapshot()
        self.platform.ask("device", "name", iccid, "meter-17")
        number = reader.follow(known, number)
        self.assertEqual([item["credential"]["device"] for item in known.values()], ["meter-17"])
        self.platform.ask("device", "name", iccid, "meter-18")
        reader.follow(known, number)
        self.assertEqual([item["credential"]["device"] for item in known.values()], ["meter-18"])

    def test_a_psk_comes_sealed_for_each_server(self):
        self.provisioned("type2")
        readers = [self.reader(self.enrolled(name)) for name in ("web-1", "web-2")]
        sealed = [next(iter(reader.snapshot()[0].values()))["sealed_psk"] for reader in readers]
        opened = [reader.open(text, self.folder) for reader, text in zip(readers, sealed)]
        self.assertEqual(len(opened[0]), 32)
        self.assertEqual(opened[0], opened[1])
        self.assertIsNone(readers[0].open(sealed[1], self.folder))
        self.assertNotIn(opened[0], base64.b64decode(sealed[0]))
        self.assertIsNone(self.platform_token_item()["sealed_psk"])

    def platform_token_item(self):
        """The same item for an administrator's token."""
        context = ssl.create_default_context(cafile=self.platform.ca)
        host, port = self.platform.url.removeprefix("https://").split(":")
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
        self.addCleanup(connection.close)
        with open(os.path.join(self.platform.dir, "admin.token"), encoding="ascii") as file:
            token = file.read().strip()
        connection.request("GET", "/v1/feed/snapshot", headers={"Authorization": "Bearer " + token})
        return json.loads(connection.getresponse().read())["items"][0]

    def test_tenants_are_apart(self):
        self.provisioned()
        self.platform.ask("tenant", "create", "other")
        theirs = self.reader(self.enrolled("web-1", "other"))
        self.assertEqual(theirs.snapshot()[0], {})
        ours = self.reader(self.enrolled("web-1"))
        self.assertEqual(len(ours.snapshot()[0]), 1)
        names = [{item["certificate"] for item in reader.ask("/v1/feed/authorities")[1]["items"]}
                 for reader in (ours, theirs)]
        self.assertEqual(names[0] & names[1], set())

    def test_a_revoked_server_is_out(self):
        self.provisioned()
        reader = self.reader(self.enrolled("web-1"))
        _, number = reader.snapshot()
        identifier = self.platform.ask("server", "list")[0]["id"]
        self.platform.ask("server", "revoke", str(identifier))
        for target in ("/v1/feed/snapshot", f"/v1/feed?after={number}&wait=60", "/v1/feed/authorities"):
            status, problem = reader.ask(target)
            self.assertEqual(status, 401, problem)
            self.assertIn("known", problem["detail"])
        self.enrol("web-1", self.invite("web-1"))  # its name is free; another directory


class Knowledge(ServerTestCase):
    """What status and devices tell, of a copy that the agent has made."""

    def run_agent(self, directory):
        run(SIMROOT, "server", "agent", "--dir", directory, "--output", os.path.join(self.folder, "out"), "--once")

    def test_status_and_devices(self):
        cards = [self.make_card(), self.make_card("type2")]
        self.import_cards()
        for path, _ in cards:
            self.switch_on("sim:" + path)
        self.platform.ask("device", "name", cards[0][1], "meter-17")
        directory = self.enrolled("web-1")
        self.run_agent(directory)
        self.platform.stop()
        status = json.loads(run(SIMROOT, "server", "status", "--dir", directory, "--json").stdout)
        self.assertTrue(status["has_copy"])
        self.assertEqual(status["devices"], 2)
        self.assertEqual(status["credentials"], 2)
        self.assertEqual(status["states"], {"active": 2})
        self.assertGreater(status["feed"], 0)
        self.assertTrue(status["last_contact"].endswith("Z"))
        devices = json.loads(run(SIMROOT, "server", "devices", "--dir", directory, "--json").stdout)
        self.assertEqual({device["iccid"] for device in devices}, {iccid for _, iccid in cards})
        by_kind = {device["kind"]: device for device in devices}
        self.assertEqual(by_kind["certificate"]["device"], "meter-17")
        self.assertEqual(by_kind["psk"]["state"], "active")
        self.assertNotIn("psk", by_kind["psk"])
        text = run(SIMROOT, "server", "devices", "--dir", directory).stdout
        self.assertIn("meter-17", text)
        self.assertIn(by_kind["psk"]["name"], text)
        self.assertIn("feed number", run(SIMROOT, "server", "status", "--dir", directory).stdout)

    def test_no_key_in_the_clear(self):
        self.provisioned("type2")
        directory = self.enrolled("web-1")
        reader = self.reader(directory)
        psk = reader.open(next(iter(reader.snapshot()[0].values()))["sealed_psk"], self.folder)
        self.run_agent(directory)
        shown = "".join(run(SIMROOT, "server", command, "--dir", directory, *more).stdout
                        for command in ("status", "devices") for more in ((), ("--json",)))
        self.assertNotIn(psk.hex(), shown.lower())
        self.assertNotIn(base64.b64encode(psk).decode(), shown)
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                content = file.read()
            for form in (psk, psk.hex().encode(), psk.hex().upper().encode(), base64.b64encode(psk)):
                self.assertNotIn(form, content, name)

    def test_a_copy_is_of_one_server(self):
        self.provisioned()
        first, second = self.enrolled("web-1"), self.enrolled("web-2")
        self.run_agent(first)
        shutil.copy(os.path.join(first, "devices.copy"), second)
        devices = run(SIMROOT, "server", "devices", "--dir", second, check=False)
        self.assertEqual(devices.returncode, 1)
        self.assertIn("of another identity", devices.stderr)


if __name__ == "__main__":
    unittest.main()
