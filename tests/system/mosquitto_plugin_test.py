# SPDX-License-Identifier: Apache-2.0
"""The plugin in the real mosquitto, in step with the real platform: devices behind modems with their key in the SIM."""
import os
import shutil
import signal
import tempfile
import time
import unittest

from mqtt_parts import Broker, Device, Wire, enrol
from platform_test import Platform
from support import LIMIT_S, Child, Pki, run

REFUSED = 5  # CONNACK: not authorised


class World(unittest.TestCase):
    """One platform, one broker, and devices that no test may spoil."""

    number = 0  # of everything that needs one

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.platform = Platform(cls.folder).start()
        cls.addClassCleanup(cls.platform.stop)
        cls.pki = Pki(cls.folder)
        cls.identity = enrol(cls.platform, cls.folder, "broker")
        cls.broker = cls.make_broker().start()
        cls.addClassCleanup(cls.broker.stop)
        cls.meter = cls.make_device(name="meter-17")
        cls.pump = cls.make_device(modem=False)
        cls.valve = cls.make_device(profile="type2")

    @classmethod
    def make_broker(cls, *options, cafile=None, identity=None, lines=()):
        return Broker(cls.folder, cls.pki, identity or cls.identity, cafile or cls.platform.device_ca, options, lines)

    @classmethod
    def make_device(cls, **how):
        World.number += 1
        device = Device(cls.platform, cls.folder, World.number, **how)
        cls.addClassCleanup(device.end)
        return device

    def wire(self, device, *options, broker=None):
        wire = device.wire(broker or self.broker, *options)
        self.addCleanup(wire.__exit__)
        return wire

    def connected(self, device, client_id, broker=None, **how):
        """A connected client. The broker hears of a new device a moment after the platform."""
        end = time.monotonic() + LIMIT_S
        while True:
            wire = device.wire(broker or self.broker)
            if wire.connect(client_id, **how) == 0:
                self.addCleanup(wire.__exit__)
                return wire
            wire.__exit__()
            self.assertLess(time.monotonic(), end, (broker or self.broker).process.output[-2000:])

    def setUp(self):
        self.mark()

    def mark(self):
        """What the broker has said until now does not count for broker_says."""
        World.number += 1
        self.broker.tell(f"mark/{World.number}", "x")
        self.broker.process.read_until(f"'mark/{World.number}'")
        self.broker.process.output = ""

    def broker_says(self, text):
        return self.broker.process.read_until(text)

    def reload(self):
        self.mark()
        self.broker.process.process.send_signal(signal.SIGHUP)
        self.broker_says("Reloading config.")


class Access(World):
    def test_the_key_in_the_sim_opens_each_listener(self):
        for device in (self.meter, self.pump, self.valve):
            self.connected(device, "first").__exit__()
        with self.broker.listen() as listener:
            self.meter.publish(self.broker, "21.5")
            self.pump.publish(self.broker, "on")
            self.valve.publish(self.broker, "open")
            listener.read_until(f"{self.meter.topic()} 21.5\n")
            listener.read_until(f"{self.pump.topic()} on\n")
            listener.read_until(f"{self.valve.topic()} open\n")
        self.broker_says(f"u'{self.meter.iccid} meter-17'")
        self.assertEqual(self.platform.credentials(self.valve.iccid)[0]["state"], "active")

    def test_proof_of_use_reaches_the_platform(self):
        self.meter.publish(self.broker, "x")
        self.valve.publish(self.broker, "x")
        end = time.monotonic() + LIMIT_S
        while not all(device.credential()["first_used"] for device in (self.meter, self.valve)):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_a_device_uses_its_own_topics_only(self):
        for device, other in ((self.meter, self.valve), (self.valve, self.meter)):
            wire = self.connected(device, f"own-{device.iccid}", level=5)
            self.assertEqual(wire.publish(device.topic(), "mine"), 0x10)  # nobody is listening
            for topic in (other.topic(), device.topic()[:-3], "devices", "$SYS/broker/version", device.commands(),
                          f"devices/{device.iccid}1/t"):
                self.assertEqual(wire.publish(topic, "not mine"), 0x87, topic)
            for pattern, granted in ((device.commands(), 1), (f"commands/{device.iccid}/#", 1),
                                     (f"commands/{device.iccid}", 1), (f"$share/g/commands/{device.iccid}/+", 1),
                                     ("#", 0x87), ("+/#", 0x87), ("commands/#", 0x87), ("commands/+/go", 0x87),
                                     (other.commands(), 0x87), ("$SYS/#", 0x87), ("$share/g/#", 0x87),
                                     (device.topic(), 0x87)):
                self.assertEqual(wire.subscribe(pattern), granted, pattern)
        # The name is not the ICCID, and nothing of that was fatal.
        self.assertTrue(self.connected(self.meter, "after").is_alive())

    def test_commands_reach_their_device_only(self):
        self.broker.tell(self.meter.commands("kept"), "retained for the meter", "-r")
        self.broker.tell(self.valve.commands("kept"), "retained for the valve", "-r")
        meter, valve = self.connected(self.meter, "m"), self.connected(self.valve, "v")
        for device, wire, name in ((self.meter, meter, "meter"), (self.valve, valve, "valve")):
            wire.send(0x82, b"\0\1" + wire.text(f"commands/{device.iccid}/#") + b"\0")
            packets = [wire.packet(), wire.packet()]
            self.assertEqual(sorted(kind & 0xF0 for kind, _ in packets), [0x30, 0x90])
            self.assertIn(f"retained for the {name}".encode(), packets[0][1] + packets[1][1])
        self.broker.tell(self.valve.commands(), "open")
        self.broker.tell(self.meter.commands(), "read")
        self.assertEqual(valve.message(), (self.valve.commands(), "open"))
        self.assertEqual(meter.message(), (self.meter.commands(), "read"))

    def test_a_session_goes_on_without_connection(self):
        for device in (self.meter, self.valve):
            first = self.connected(device, "sleeper-" + device.iccid, clean=False)
            self.assertEqual(first.subscribe(device.commands()), 1)
            first.__exit__()
            self.broker_says("sleeper-" + device.iccid)
            self.reload()
            self.broker.tell(device.commands(), "while away")
            again = self.connected(device, "sleeper-" + device.iccid, clean=False)
            self.assertEqual(again.message(), (device.commands(), "while away"))

    def test_sessions_and_retained_messages_outlive_the_broker(self):
        disk = os.path.join(self.folder, "persistence")
        os.mkdir(disk)
        broker = self.make_broker("plugin_opt_publish devices/%i/# names/%d/#", "plugin_opt_subscribe commands/%d/#",
                                  identity=enrol(self.platform, self.folder, "lasting"),
                                  lines=["persistence true", f"persistence_location {disk}/"]).start()
        self.addCleanup(broker.stop)
        meter = self.connected(self.meter, "lasting", broker=broker, clean=False)
        self.assertEqual(meter.subscribe("commands/meter-17/+"), 1)
        self.assertEqual(meter.publish("names/meter-17/kept", "still here", retain=True), 0)
        valve = self.connected(self.valve, "valve", broker=broker)
        self.assertEqual(valve.publish(self.valve.topic("kept"), "here too", retain=True), 0)
        broker.stop()
        broker.start()
        broker.tell("commands/meter-17/go", "while away")
        for topic, text in (("names/#", "names/meter-17/kept still here\n"),
                            ("devices/#", f"{self.valve.topic('kept')} here too\n")):
            with broker.listen(topic, "late-" + topic[:5]) as listener:
                listener.read_until(text)
        again = self.connected(self.meter, "lasting", broker=broker, clean=False)
        self.assertEqual(again.message(), ("commands/meter-17/go", "while away"))

    def test_a_will_is_for_own_topics(self):
        with self.broker.listen() as listener:
            for topic, text in ((self.valve.topic(), "foreign will"), (self.meter.topic("will"), "own will")):
                wire = self.connected(self.meter, "dying", will=(topic, text))
                wire.__exit__()  # without DISCONNECT
            self.assertNotIn("foreign will", listener.read_until("own will\n"))

    def test_the_client_id_of_another_device_is_refused(self):
        for clean in (True, False):
            meter = self.connected(self.meter, "name", clean=clean)
            with self.pump.wire(self.broker) as thief:
                self.assertEqual(thief.connect("name"), REFUSED)
            self.assertTrue(meter.is_alive())
            own = self.connected(self.meter, "name")
            self.assertIsNone(meter.packet(), "the device itself may take it over")
            self.assertTrue(own.is_alive())
            own.__exit__()
        with self.meter.wire(self.broker) as thief:
            self.assertEqual(thief.connect(self.valve.identity), REFUSED)
        self.broker_says("its client id belongs to another device")

    def test_who_is_no_device_is_left_alone(self):
        run(*self.broker.backend("mosquitto_pub", "-t", "anything/at/all", "-m", "x"))
        for words in (["-u", "backend", "-P", "wrong"], ["-u", self.meter.iccid, "-P", "x"], []):
            refused = run("mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker.plain_port), *words, "-t", "a", "-m",
                          "b", check=False)
            self.assertIn("not authorised", refused.stderr)

    def test_a_reload_throws_nobody_out(self):
        wires = [self.connected(device, f"r{device.iccid}") for device in (self.meter, self.valve)]
        self.reload()
        for wire in wires:
            self.assertTrue(wire.is_alive())
        self.meter.publish(self.broker, "after the reload")


class Refusals(World):
    def refused(self, said, wire_or_words, env=None):
        """A TLS client that does not get through; what the broker's log says of it. @returns what the client says"""
        self.mark()
        with Wire(*wire_or_words, env=env) as wire:
            self.assertIsNone(wire.connect("refused"))
            wire.process.wait(LIMIT_S)
        if said:
            self.broker_says(said)
        return wire.said.split("SSL alert number")[-1][:4]

    def test_psk_identities(self):
        self.connected(self.valve, "v").__exit__()
        port, key = self.broker.psk_port, "00112233445566778899AABBCCDDEEFF" * 2
        for tls in (["-tls1_2", "-cipher", "PSK"], ["-tls1_3"]):
            unknown = self.refused("unknown_identity", (port, "-psk", key, "-psk_identity", "nobody", *tls))
            wrong = self.refused("wrong_key" if tls[0] == "-tls1_2" else None,
                                 (port, "-psk", key, "-psk_identity", self.valve.identity, *tls))
            self.assertEqual(unknown, wrong, "a stranger can find out which identities there are")
        self.assertTrue(self.connected(self.valve, "v").is_alive())

    def test_stolen_certificate_file(self):
        thief = self.make_device(modem=False)
        stolen = os.path.join(self.folder, "stolen.pem")
        with open(self.meter.path("key.pem"), encoding="ascii") as file:
            pem = file.read()
        with open(stolen, "w", encoding="ascii") as file:
            file.write(pem[pem.index("-----BEGIN CERTIFICATE"):])
        # With the thief's own SIM; no program goes on with a key that is not the certificate's.
        for key in (thief.path("key.pem"), self.pki.ca_key):
            refused = run("mosquitto_pub", "-h", "localhost", "-p", str(self.broker.certificate_port), "--cafile",
                          self.pki.ca, "--cert", stolen, "--key", key, "-t", self.meter.topic(), "-m", "x",
                          env=thief.environment, check=False)
            self.assertNotEqual(refused.returncode, 0)
        # The same names in a certificate of somebody else's CA.
        forged = os.path.join(self.folder, "forged.pem")
        subject = run("openssl", "x509", "-in", stolen, "-noout", "-subject", "-nameopt", "compat").stdout
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout",
            forged, "-out", forged + ".crt", "-subj", "/" + subject.split("=", 1)[1].strip().lstrip("/"), "-CA",
            self.pki.ca, "-CAkey", self.pki.ca_key)
        self.refused(None, (self.broker.certificate_port, "-cert", forged + ".crt", "-key", forged))
        self.refused(None, (self.broker.certificate_port,))

    def test_another_tenants_device(self):
        self.platform.ask("tenant", "create", "other")
        others_ca = os.path.join(self.folder, "other-ca.pem")
        run(*self.platform_command("ca", "trust-anchors", "--tenant", "other", "--out", others_ca))
        both = os.path.join(self.folder, "both.pem")
        with open(both, "w", encoding="ascii") as out:
            for name in (self.platform.device_ca, others_ca):
                with open(name, encoding="ascii") as file:
                    out.write(file.read())
        stranger = self.make_device(modem=False, tenant="other")
        psk_stranger = self.make_device(modem=False, tenant="other", profile="type2")
        broker = self.make_broker(cafile=both, identity=enrol(self.platform, self.folder, "wide")).start()
        self.addCleanup(broker.stop)
        self.assertEqual(self.wire(stranger, broker=broker).connect("x"), REFUSED)
        broker.process.read_until("foreign_certificate")
        self.assertIsNone(self.wire(psk_stranger, broker=broker).connect("x"))
        broker.process.read_until("unknown_identity")
        self.assertTrue(self.connected(self.meter, "x", broker=broker).is_alive())
        broker.stop()
        with open(broker.metrics, encoding="ascii") as file:
            metrics = file.read()
        self.assertIn('simroot_server_handshakes_total{result="foreign_certificate"} 1\n', metrics)
        self.assertIn("simroot_mosquitto_kicked_total 0\n", metrics)

    def platform_command(self, *words):
        return [os.path.join(os.environ["SIMROOT_BUILD"], "bin", "simroot"), "platform", *words, "--dir",
                self.platform.dir]


class Configuration(World):
    def fails(self, broker, sentence):
        result = run("/usr/sbin/mosquitto", "-c", broker.file, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(sentence, result.stderr)

    def test_a_wrong_option_stops_the_broker(self):
        self.fails(self.make_broker("plugin_opt_when_stale maybe"), "plugin_opt_when_stale cannot be \"maybe\"; give")
        self.fails(self.make_broker("plugin_opt_publish devices/%i#"), "is not a topic filter of MQTT")
        self.fails(self.make_broker("plugin_opt_topics x"), "there is no plugin_opt_topics; there are directory")
        self.fails(self.make_broker(identity=os.path.join(self.folder, "nothing")), "holds no identity of a server")

    def test_settings_per_listener_let_nobody_in(self):
        broker = self.make_broker(identity=enrol(self.platform, self.folder, "per-listener"))
        with open(broker.file, encoding="ascii") as file:
            text = file.read().replace("per_listener_settings false", "per_listener_settings true")
        head, _, listeners = text.partition("listener ")
        plugin = "".join(line + "\n" for line in head.splitlines() if line.startswith("plugin"))
        first = listeners.partition("\nlistener ")[0]
        with open(broker.file, "w", encoding="ascii") as file:
            file.write(head.replace(plugin, "") + "listener " + first + "\n" + plugin)
        broker.process = Child("/usr/sbin/mosquitto", "-c", broker.file)
        self.addCleanup(broker.stop)
        broker.process.read_until(" running\n")
        self.assertEqual(self.wire(self.meter, broker=broker).connect("x"), REFUSED)
        broker.process.read_until("per_listener_settings false")

    def test_a_certificate_listener_that_names_its_users_itself(self):
        broker = self.make_broker(identity=enrol(self.platform, self.folder, "late"))
        with open(broker.file, encoding="ascii") as file:
            text = file.read().replace("require_certificate true", "require_certificate true\nuse_identity_as_username true")
        with open(broker.file, "w", encoding="ascii") as file:
            file.write(text)
        broker.start()
        self.addCleanup(broker.stop)
        wire = self.connected(self.meter, "x", broker=broker, level=5)
        self.assertEqual(wire.publish(self.meter.topic(), "x"), 0x10)
        self.assertEqual(wire.publish(self.pump.topic(), "x"), 0x87)
        broker.process.read_until("take that setting out")


if __name__ == "__main__":
    unittest.main()
