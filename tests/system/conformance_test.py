# SPDX-License-Identifier: Apache-2.0
"""simroot conformance: on a card in this process, behind a modem and in a reader; its reports, its grades, its exit status.

Runs in a network namespace of its own (tests/system/in_own_network), because vpcd listens on all addresses."""
import html.parser
import json
import os
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

import pcsc_reader
from issuer import Issuer
from support import SIMROOT, CardTestCase, Child, clean_environment

RUN_LIMIT_S = 120


def judge(*arguments, status=0, env=None):
    """Runs the command to its end and checks its exit status."""
    result = subprocess.run([SIMROOT, "conformance", *arguments], env=clean_environment(env), capture_output=True,
                            text=True, timeout=RUN_LIMIT_S)
    if result.returncode != status:
        raise AssertionError(f"{arguments} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


class Page(html.parser.HTMLParser):
    """Collects the elements of a page, and fails on a wrong order of end tags."""

    VOID = {"meta", "input", "br"}

    def __init__(self):
        super().__init__()
        self.open = []
        self.elements = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> where {self.open[-3:]} are open"
        self.open.pop()


class Conformance(CardTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.modem.__exit__()  # each test puts the card where it wants it

    def in_modem(self, *options, card_file=None):
        """The card behind a modem, until the with block ends."""
        return Child(SIMROOT, "card", "run", card_file or self.card_file, "--modem", self.port, *options)

    def judge_in_modem(self, options, *arguments, status=0, card_file=None):
        with self.in_modem(*options, card_file=card_file) as modem:
            modem.read_until("modem on")
            return json.loads(judge("--card", self.card, "--json", "--allow-write", *arguments, status=status).stdout)

    def test_own_card_conforms(self):
        text = judge("--card", "sim:" + self.card_file, "--allow-write").stdout
        self.assertIn("the card conforms", text)
        report = json.loads(judge("--card", "sim:" + self.card_file, "--allow-write", "--json").stdout)
        self.assertGreaterEqual(report["counts"]["passed"], 250)
        self.assertEqual(report["counts"]["failed"] + report["counts"]["deviates"], 0)
        for case in report["cases"]:
            self.assertTrue(case["verdict"] == "passed" or case["reason"], case)

    def test_without_leave_nothing_changes(self):
        with open(self.card_file, "rb") as file:
            before = file.read()
        report = json.loads(judge("--card", "sim:" + self.card_file, "--json").stdout)
        with open(self.card_file, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertGreaterEqual(report["counts"]["passed"], 150)
        reasons = {case["reason"] for case in report["cases"] if case["verdict"] == "skipped"}
        self.assertTrue(any("--allow-write" in reason for reason in reasons), reasons)
        self.assertFalse(any("without saying so" in reason for reason in reasons), reasons)

    def test_modem_and_reader_give_the_same_report(self):
        card_file = os.path.join(self.folder, "reader.card")  # stays in the reader until all tests have run
        shutil.copy(self.card_file, card_file)
        in_modem = self.judge_in_modem([], card_file=card_file)
        pcsc_reader.start(type(self), card_file)
        in_reader = json.loads(judge("--card", "pcsc:", "--json", "--allow-write").stdout)
        del in_modem["card"], in_reader["card"]
        self.assertEqual(in_modem["grade"], "conforms")
        self.assertEqual(in_modem, in_reader)

    def test_grades_and_exit_status(self):
        self.assertEqual(self.judge_in_modem(["--compat", "strict"], "--profile", "strict")["grade"], "conforms")
        deviates = self.judge_in_modem(["--compat", "strict"])
        self.assertEqual(deviates["grade"], "deviates, known clients cope")
        findings = [case for case in deviates["cases"] if case["verdict"] == "deviates"]
        self.assertTrue(findings and all(case["reason"] and case["expected"] for case in findings))
        fails = self.judge_in_modem(["--compat", "wolfssl"], status=1)
        self.assertEqual(fails["grade"], "fails")
        failed = [case for case in fails["cases"] if case["verdict"] == "failed"]
        self.assertTrue(all(case["sent_words"] and case["got_words"] and case["clause"] for case in failed), failed)

    def test_every_profile_conforms_to_itself(self):
        for profile in ("default", "wolfssl", "orange", "thales", "ntt"):
            report = self.judge_in_modem(["--compat", profile], "--profile", profile)
            self.assertEqual(report["grade"], "conforms", profile)

    def test_cards_with_other_contents_conform(self):
        for contents in ("type2", "blank"):
            file = os.path.join(self.folder, contents + ".card")
            subprocess.run([SIMROOT, "card", "create", file, "--profile", contents], check=True, timeout=30,
                           stdout=subprocess.DEVNULL)
            report = json.loads(judge("--card", "sim:" + file, "--json", "--allow-write").stdout)
            self.assertEqual(report["grade"], "conforms", contents)
            self.assertGreaterEqual(report["counts"]["passed"], 75, contents)

    def card_with_pin(self):
        """A card of the demo profile that wants the PIN 1234."""
        file = os.path.join(self.folder, self.id().rsplit(".", 1)[1] + ".card")
        issuer = Issuer(file)
        issuer.run(issuer.set_pin(b"1234"))
        return file

    def pin_file(self, pin):
        path = os.path.join(self.folder, "pin")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(pin + "\n")
        return path

    def tries_left(self, file):
        result = subprocess.run([SIMROOT, "device", "pin", "--json", "--card", "sim:" + file], check=True, timeout=30,
                                env=clean_environment(), capture_output=True, text=True)
        return json.loads(result.stdout).get("tries_left")

    def test_pin_not_given_is_a_reason_to_skip(self):
        file = self.card_with_pin()
        for leave in ([], ["--allow-write"]):
            report = json.loads(judge("--card", "sim:" + file, "--json", *leave).stdout)
            self.assertEqual(report["grade"], "conforms")
            self.assertEqual(report["card_has"]["user PIN"], "wanted, and not given")
            guarded = [case for case in report["cases"]
                       if case.get("reason") == "the card wants its user PIN; give --pin-file"]
            self.assertGreater(len(guarded), 60)
            self.assertTrue(all(case["verdict"] == "skipped" for case in guarded))
        self.assertRegex(judge("--card", "sim:" + file).stdout,
                         r"the card conforms; \d+ cases were skipped for want of its user PIN\n$")
        self.assertEqual(self.tries_left(file), 3)

    def test_pin_from_a_file(self):
        file = os.path.join(self.folder, "pin-file.card")
        issuer = Issuer(file)
        without = json.loads(judge("--card", "sim:" + file, "--json", "--allow-write").stdout)
        issuer.run(issuer.set_pin(b"1234"))
        pin = self.pin_file("1234")
        for arguments, env in ((["--pin-file", pin], None), ([], {"SIMROOT_PIN_FILE": pin})):
            report = json.loads(judge("--card", "sim:" + file, "--json", "--allow-write", *arguments, env=env).stdout)
            self.assertEqual(report["grade"], "conforms")
            self.assertEqual(report["counts"], without["counts"])  # cases that reset the card are among them
            self.assertEqual(report["card_has"]["user PIN"], "given")
        self.assertNotIn("31323334", judge("--card", "sim:" + file, "--json", "--pin-file", pin).stdout)
        in_modem = self.judge_in_modem([], "--pin-file", pin, card_file=file)
        self.assertEqual(in_modem["grade"], "conforms")
        self.assertFalse([case for case in in_modem["cases"] if "PIN" in case.get("reason", "")])

    def test_pin_that_is_wrong_ends_the_run(self):
        file = self.card_with_pin()
        for left, words in ((2, "the user PIN is wrong, tries left: 2; nothing was judged"),
                            (1, "the user PIN is wrong, tries left: 1; nothing was judged"),
                            (1, "one try left, so it was not given")):
            result = judge("--card", "sim:" + file, "--pin-file", self.pin_file("4321"), status=1)
            self.assertIn(words, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertEqual(result.stdout, "")
            self.assertEqual(self.tries_left(file), left)
        self.assertIn("one try left", judge("--card", "sim:" + file, "--pin-file", self.pin_file("1234"),
                                            status=1).stderr)
        self.assertIn("--pin-file", judge("--card", "sim:" + file).stdout)  # without it the card is judged all the same
        self.assertEqual(self.tries_left(file), 1)

    def test_pin_that_is_blocked(self):
        file = self.card_with_pin()
        for _ in range(3):
            subprocess.run([SIMROOT, "device", "pin", "--give", "--pin-file", self.pin_file("4321"), "--card",
                            "sim:" + file], timeout=30, env=clean_environment(), capture_output=True)
        for arguments in ([], ["--pin-file", self.pin_file("1234")]):
            report = json.loads(judge("--card", "sim:" + file, "--json", "--allow-write", *arguments).stdout)
            self.assertEqual(report["grade"], "conforms")
            self.assertIn("blocked", report["card_has"]["user PIN"])
            reasons = {case.get("reason", "") for case in report["cases"]}
            self.assertTrue(any("PIN is blocked" in reason for reason in reasons), reasons)
            self.assertFalse(any("give --pin-file" in reason for reason in reasons), reasons)

    def test_pin_file_that_cannot_be_used(self):
        path = self.pin_file("1234")
        os.chmod(path, 0o644)
        self.assertIn("others than its owner", judge("--card", "sim:" + self.card_file, "--pin-file", path,
                                                     status=2).stderr)
        os.remove(path)
        self.assertIn("No such file", judge("--card", "sim:" + self.card_file, "--pin-file", path, status=2).stderr)

    def test_direct_answers(self):
        report = self.judge_in_modem(["--t1"])
        self.assertEqual(report["grade"], "conforms")
        self.assertIn("directly", report["card_has"]["answers"])

    def test_reports_in_files(self):
        junit, page = os.path.join(self.folder, "r.xml"), os.path.join(self.folder, "r.html")
        with self.in_modem("--compat", "wolfssl") as modem:
            modem.read_until("modem on")
            judge("--card", self.card, "--junit", junit, "--html", page, status=1)
        suites = xml.etree.ElementTree.parse(junit).getroot()
        cases = suites.findall("./testsuite/testcase")
        self.assertEqual(int(suites.get("tests")), len(cases))
        self.assertEqual(int(suites.get("failures")), len(suites.findall("./testsuite/testcase/failure")))
        self.assertEqual(int(suites.get("skipped")), len(suites.findall("./testsuite/testcase/skipped")))
        self.assertGreater(int(suites.get("failures")), 0)
        self.assertTrue(all(case.get("name") and case.get("time") for case in cases))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        parser = Page()
        parser.feed(text)
        self.assertEqual(parser.open, [])
        self.assertEqual([tag for tag, _ in parser.elements].count("svg"), 3)
        rows = [attributes for tag, attributes in parser.elements if tag == "tr" and "data-v" in attributes]
        self.assertEqual(len(rows), len(cases))
        for tag, attributes in parser.elements:
            self.assertFalse({"src", "href"} & attributes.keys(), (tag, attributes))
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)

    def test_list_and_only(self):
        listed = json.loads(judge("--list", "--json").stdout)
        self.assertGreaterEqual(len(listed["cases"]), 250)
        known = listed["needs"].keys()
        for case in listed["cases"]:
            needs = [need for need in case["needs"].split(", ") if need and "our own" not in need]
            self.assertTrue(set(needs) <= known, case)
        some = json.loads(judge("--card", "sim:" + self.card_file, "--json", "--only", "get random").stdout)
        self.assertTrue(some["cases"] and all("GET RANDOM" in str(case) for case in some["cases"]))

    def test_wrong_usage(self):
        self.assertIn("no card is given", judge(status=2).stderr)
        self.assertIn("no case has", judge("--list", "--only", "nothing like it", status=2).stderr)
        self.assertIn("no profile", judge("--card", "sim:" + self.card_file, "--profile", "none", status=2).stderr)
        self.assertIn("AT+CGLA", judge("--card", self.card + "?mode=cgla", status=2).stderr)
        missing = os.path.join(self.folder, "missing.card")
        self.assertIn(missing, judge("--card", "sim:" + missing, status=1).stderr)

    def test_report_that_cannot_be_written(self):
        result = judge("--card", "sim:" + self.card_file, "--only", "T27", "--html", self.folder + "/no/r.html", status=1)
        self.assertIn("r.html", result.stderr)


if __name__ == "__main__":
    if not shutil.which("opensc-tool"):
        sys.exit(77)
    outcome = unittest.main(verbosity=2, exit=False).result
    sys.exit(0 if outcome.wasSuccessful() else 1)
