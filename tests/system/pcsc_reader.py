# SPDX-License-Identifier: Apache-2.0
"""pcscd with vsmartcard's vpcd, and one of our cards in its reader."""
import os
import shutil
import subprocess
import time
import unittest

from support import LIMIT_S, SIMROOT, Child, run

SOCKET = "/run/pcscd/pcscd.comm"
READER = "127.0.0.1:35963"


def start(test_class, card_file, *options):
    """Puts the card into the reader; ended with the class. Skips where another pcscd runs."""
    if os.path.exists(SOCKET):
        raise unittest.SkipTest("another pcscd runs on this machine: " + SOCKET)
    configuration = os.path.join(test_class.folder, "reader.conf.d")
    os.mkdir(configuration)
    shutil.copy("/etc/reader.conf.d/vpcd", configuration)
    pcscd = subprocess.Popen(["/usr/sbin/pcscd", "--foreground", "-c", configuration],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    test_class.addClassCleanup(pcscd.wait, 10)
    test_class.addClassCleanup(pcscd.terminate)
    end = time.monotonic() + LIMIT_S
    while run("opensc-tool", "-l", check=False).returncode != 0:  # pcscd tells nobody when it is ready
        assert time.monotonic() < end, "pcscd shows no reader"
    reader = Child(SIMROOT, "card", "run", card_file, "--pcsc", READER, *options)
    reader.__enter__()
    test_class.addClassCleanup(reader.__exit__)
    reader.read_until("card in the reader")
    while "Yes" not in run("opensc-tool", "-l").stdout:
        assert time.monotonic() < end, "pcscd does not see the card"
