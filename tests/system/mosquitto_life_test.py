# SPDX-License-Identifier: Apache-2.0
"""Credentials of devices change while the broker works: revoked, suspended, rotated, with the platform there or away."""
import http.client
import json
import os
import sqlite3
import ssl
import threading
import time
import unittest
from urllib.parse import urlsplit

from mosquitto_plugin_test import REFUSED, World
from mqtt_parts import enrol
from support import LIMIT_S


class Api:
    """The platform's API, without the start of a program for each request."""

    def __init__(self, platform):
        with open(os.path.join(platform.dir, "admin.token"), encoding="ascii") as file:
            self.token = file.read().strip()
        address = urlsplit(platform.url)
        self.connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=LIMIT_S,
                                                      context=ssl.create_default_context(cafile=platform.ca))
        self.connection.connect()

    def post(self, path, body):
        """@returns the moment when the answer was there"""
        self.connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + self.token,
                                                                 "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        moment = time.monotonic()
        assert answer.status == 200, (answer.status, text)
        return moment

    def revoke(self, credential):
        return self.post(f"/v1/credentials/{credential}/state", {"state": "revoked", "reason": "keyCompromise"})

    def close(self):
        self.connection.close()


class Life(World):
    def setUp(self):
        super().setUp()
        self.api = Api(self.platform)
        self.addCleanup(self.api.close)

    def test_revoked_while_connected(self):
        for profile in ("blank", "type2"):
            self.mark()
            device = self.make_device(profile=profile, name=f"lost {profile}")
            clients = [self.connected(device, f"{device.iccid}-{number}", will=(device.topic("will"), "last words"))
                       for number in range(3)]
            witness = self.connected(self.meter, "witness")
            # One has used a topic, one has subscribed, one has done nothing since it connected.
            self.assertEqual(clients[0].publish(device.topic(), "x"), 0)
            self.assertEqual(clients[1].subscribe(device.commands()), 1)
            with self.broker.listen() as listener:
                answered = self.api.revoke(device.credential()["id"])
                late = [client.wait_for_end() - answered for client in clients]
                print(f"revoked {profile}: connections ended {max(late) * 1000:.0f} ms after the platform's answer")
                self.assertLess(max(late), 2.0)
                if device.psk:
                    self.assertIsNone(self.wire(device).connect("again"))
                else:
                    self.assertEqual(self.wire(device).connect("again"), REFUSED)
                self.broker_says(" revoked")
                self.assertNotEqual(device.publish(self.broker, "x", check=False).returncode, 0)
                self.meter.publish(self.broker, "the end")
                self.assertNotIn("last words", listener.read_until("the end\n"))
            self.assertTrue(witness.is_alive())

    def test_a_resumed_tls_session_is_judged_anew(self):
        device = self.make_device()
        kept = device.path("session")
        for level in ("-tls1_2", "-tls1_3"):
            with device.wire(self.broker, level, "-sess_out", kept) as wire:
                self.assertEqual(wire.connect("resumes"), 0)
            again = self.wire(device, level, "-sess_in", kept)
            self.assertEqual(again.connect("resumes"), 0)
            os.rename(kept, kept + level)
        self.platform.ask("card", "suspend", device.iccid)
        again.wait_for_end()
        for level in ("-tls1_2", "-tls1_3"):
            self.assertEqual(self.wire(device, level, "-sess_in", kept + level).connect("resumes"), REFUSED)

    def test_suspended_and_resumed(self):
        for device in (self.make_device(), self.make_device(profile="type2")):
            client = self.connected(device, "s" + device.iccid)
            self.assertEqual(client.publish(device.topic(), "x"), 0)
            self.platform.ask("card", "suspend", device.iccid)
            client.wait_for_end()
            with device.wire(self.broker) as refused:
                self.assertIn(refused.connect("s"), (REFUSED, None))
            self.broker_says("suspended")
            self.mark()
            self.platform.ask("card", "resume", device.iccid)
            self.assertEqual(self.connected(device, "s").publish(device.topic(), "x"), 0)

    def test_renamed(self):
        broker = self.make_broker("plugin_opt_publish names/%d/#", identity=enrol(self.platform, self.folder, "names"))
        broker.start()
        self.addCleanup(broker.stop)
        device = self.make_device(name="before")
        client = self.connected(device, "r", broker=broker, level=5)
        self.assertEqual(client.publish("names/before/x", "x"), 0x10)
        self.platform.ask("device", "name", device.iccid, "after")
        end = time.monotonic() + LIMIT_S
        while client.publish("names/after/x", "x") != 0x10:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual(client.publish("names/before/x", "x"), 0x87)

    def rotate_under_traffic(self, device):
        """Two publishers, one with a program a message, one with a connection that stands; the device goes through a
        rotation meanwhile. @returns how many messages each has got rid of"""
        sent = {"program": 0, "connection": 0}
        going = threading.Event()
        going.set()
        wrong = []

        def by_program():
            while going.is_set():
                payload = f"program-{sent['program']}"
                if device.publish(self.broker, payload, check=False).returncode == 0:
                    sent["program"] += 1
                else:
                    device.read_credential()

        def by_connection():
            wire, number = None, 0
            while going.is_set():
                if wire is None:
                    wire = device.wire(self.broker)
                    if wire.connect("stands-" + device.iccid) != 0:
                        wire.__exit__()
                        wire = None
                        if device.psk:
                            device.read_credential()
                        continue
                number = number % 60000 + 1
                if wire.publish(device.topic(), f"connection-{sent['connection']}", number) == 0:
                    sent["connection"] += 1
                else:
                    wire.__exit__()
                    wire = None
                time.sleep(0.01)
            if wire is not None:
                wire.__exit__()

        def guarded(function):
            try:
                function()
            except BaseException as error:  # told by the test
                wrong.append(error)

        threads = [threading.Thread(target=guarded, args=(function,)) for function in (by_program, by_connection)]
        for thread in threads:
            thread.start()
        try:
            first = device.credential()["id"]
            for step in ("before", "after"):
                until = {name: count + 5 for name, count in sent.items()}
                end = time.monotonic() + LIMIT_S
                while any(sent[name] < count for name, count in until.items()) and not wrong:
                    self.assertLess(time.monotonic(), end, f"{step}: {sent}")
                    time.sleep(0.02)
                if step == "before":
                    self.platform.ask("job", "request", device.iccid, "rotate")
                    device.switch_on()
            # The first use of the new one ends the old one.
            end = time.monotonic() + LIMIT_S
            while self.platform.ask("credential", "show", str(first))["state"] not in ("revoked", "deleted"):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)
        finally:
            going.clear()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        return sent

    def test_rotation_under_traffic_loses_nothing(self):
        for profile in ("blank", "type2"):
            device = self.make_device(profile=profile, daemon=True)
            self.connected(device, "known").__exit__()
            with self.broker.listen(device.topic("#"), "counter-" + device.iccid) as counter:
                sent = self.rotate_under_traffic(device)
                self.broker.tell(device.topic("end"), "the end")
                lines = counter.read_until("the end\n").splitlines()
            for name, count in sent.items():
                got = [line for line in lines if f" {name}-" in line]
                missing = [number for number in range(count) if f"{device.topic()} {name}-{number}" not in got]
                print(f"rotation of {profile}, by {name}: {count} sent, {len(got)} received, {len(missing)} missing")
                self.assertEqual(missing, [])


class PlatformAway(World):
    def test_devices_connect_while_the_platform_is_away(self):
        for device in (self.meter, self.valve):
            self.connected(device, "before").__exit__()
        gone = self.make_device()
        self.connected(gone, "gone").__exit__()
        api = Api(self.platform)
        self.addCleanup(api.close)
        client = self.connected(gone, "gone")
        api.revoke(gone.credential()["id"])
        client.wait_for_end()
        self.platform.kill()
        try:
            for _ in range(2):  # the second time with a broker that never heard the platform
                with self.broker.listen(name="listener-away") as listener:
                    self.meter.publish(self.broker, "alone")
                    self.valve.publish(self.broker, "alone too")
                    listener.read_until("alone\n")
                    listener.read_until("alone too\n")
                with gone.wire(self.broker) as refused:
                    self.assertEqual(refused.connect("gone"), REFUSED)
                self.broker.stop()
                self.broker.start()
            stale = self.make_broker("plugin_opt_max_staleness 1", identity=self.identity)
            self.broker.stop()
            stale.start()
            self.addCleanup(stale.stop)
            end = time.monotonic() + LIMIT_S
            while True:
                with self.meter.wire(stale) as refused:
                    if refused.connect("x") == REFUSED:
                        break
                self.assertLess(time.monotonic(), end)
            self.platform.restart()
            self.connected(self.meter, "back", broker=stale)
        finally:
            if self.platform.server is None:
                self.platform.restart()


class Fleet(World):
    FILLED = int(os.environ.get("SIMROOT_TEST_FLEET", "10000"))
    REVOKED = 60

    def fill_store(self, like, count):
        """Puts that many more devices straight into the platform's database, which must not be running."""
        base = sqlite3.connect(os.path.join(self.platform.dir, "platform.db"))
        base.row_factory = sqlite3.Row

        def insert(table, row):
            names = ", ".join(row)
            base.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

        [[card_id]] = base.execute("SELECT id FROM card WHERE iccid = ?", (like.iccid,)).fetchall()
        rows = {table: dict(base.execute(f"SELECT * FROM {table} WHERE {key} = ?", (card_id,)).fetchone())
                for table, key in (("card", "id"), ("credential", "card"))}
        certificate = dict(base.execute("SELECT * FROM certificate WHERE credential = ?",
                                        (rows["credential"]["id"],)).fetchone())
        serial = bytes.fromhex(rows["credential"]["name"])
        newest = {table: base.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in rows}
        for number in range(1, count + 1):
            other = number.to_bytes(8, "big").rjust(len(serial), b"\x11")
            insert("card", {**rows["card"], "id": newest["card"] + number, "iccid": f"8900{number:016d}"})
            insert("credential", {**rows["credential"], "id": newest["credential"] + number, "job": None,
                                  "card": newest["card"] + number, "name": other.hex().upper()})
            insert("certificate", {**certificate, "credential": newest["credential"] + number,
                                   "der": certificate["der"].replace(serial, other)})
        base.commit()
        base.close()

    @staticmethod
    def percentile(values, percent):
        return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]

    def tell_times(self, how, values):
        times = ", ".join(f"{name} {1000 * self.percentile(values, percent):.0f} ms"
                          for name, percent in (("p50", 50), ("p99", 99), ("max", 100)))
        print(f"{len(values)} of {self.FILLED} devices revoked {how}: from the platform's answer to the end {times}")

    def test_revocation_to_disconnect(self):
        devices = [self.make_device(modem=False, profile="type2" if number % 3 == 0 else "blank")
                   for number in range(self.REVOKED)]
        self.platform.stop()
        self.fill_store(self.meter, self.FILLED)
        self.platform.restart()
        broker = self.make_broker(identity=enrol(self.platform, self.folder, "fleet")).start()
        self.addCleanup(broker.stop)
        clients = []
        for device in devices:
            clients.append(self.connected(device, device.iccid, broker=broker))
            self.assertEqual(clients[-1].publish(device.topic(), "x"), 0)
        ids = [device.credential()["id"] for device in devices]
        api = Api(self.platform)
        self.addCleanup(api.close)
        half = self.REVOKED // 2
        late = []
        for client, credential in zip(clients[:half], ids):
            answered = api.revoke(credential)
            late.append(client.wait_for_end() - answered)
        self.tell_times("one after the other", late)
        burst = [api.revoke(credential) for credential in ids[half:]]
        at_once = [client.wait_for_end() - answered for client, answered in zip(clients[half:], burst)]
        self.tell_times("all in a row", at_once)
        self.assertLess(self.percentile(late + at_once, 99), 2.0)
        broker.stop()
        with open(broker.metrics, encoding="ascii") as file:
            metrics = file.read()
        self.assertIn(f"simroot_mosquitto_kicked_total {self.REVOKED}\n", metrics)
        devices_known = [line for line in metrics.splitlines() if line.startswith("simroot_server_devices ")]
        self.assertGreaterEqual(int(devices_known[0].split()[1]), self.FILLED)
        print(devices_known[0])


if __name__ == "__main__":
    unittest.main()
