# SPDX-License-Identifier: Apache-2.0
"""The getting-started pages as a new user follows them: every ```sh block, in order, in one shell in an empty folder;
```text blocks as howto.py checks them; a file where a page says "Save as". Blocks ```sh elsewhere are for another
place (the build, a machine with a real modem) and are not run."""
import os
import re
import shutil
import tempfile
import time
import unittest

import howto
from howto import PagesTestCase, Shell
from support import BUILD

DOCS = os.path.join(howto.PAGES, "..")
SAVED = re.compile(r"Save as `([a-z.]+)`[^`]*\Z")


def parts_of(page):
    """What a reader does, in order: ("sh", block) or (name of a file, its text)."""
    with open(os.path.join(DOCS, f"getting-started-{page}.md"), encoding="utf-8") as file:
        text = file.read()
    parts, end = [], 0
    for found in re.finditer(r"^```(.*?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        kind, body = found.groups()
        saved = SAVED.search(text[end:found.start()])
        end = found.end()
        if saved:
            parts.append((saved.group(1), body))
        elif kind == "sh":
            parts.append(("sh", howto.Block(body, False)))
        elif kind == "text":
            parts[-1][1].promised = body.splitlines()
        elif kind not in ("sh elsewhere", "c", "python", "nginx"):
            raise AssertionError(f"getting-started-{page}.md has a block of the unknown kind {kind!r}")
    return parts


class GettingStarted(unittest.TestCase):
    def follow(self, page):
        home = tempfile.mkdtemp(prefix="simroot-started-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        # A test has a folder of its own, the build's libraries and no other way to be different from a reader.
        library = os.path.join(BUILD, "lib")
        places = {"/tmp/": home + "/", "/usr/local/lib/": library + "/",
                  "/usr/local/share/doc/simroot/": os.path.join(DOCS, "..") + "/",
                  "$(pkg-config --cflags --libs simroot-server": f"-I{DOCS}/../include -L{library} "
                  f"-Wl,-rpath,{library} -lsimroot-server $(pkg-config --libs"}

        def here(text):
            for place, ours in places.items():
                text = text.replace(place, ours)
            return text

        shell = Shell(home, PagesTestCase.environment())
        self.addCleanup(shell.end)
        for kind, part in parts_of(page):
            if kind == "sh":
                part.text = here(part.text)
                PagesTestCase.run_block(f"getting-started-{page}", shell, part)
            else:
                with open(os.path.join(home, kind), "w", encoding="utf-8") as file:
                    file.write(here(part))
        return shell

    def assert_ended(self, shell):
        until = time.monotonic() + 10
        while shell.left_behind() and time.monotonic() < until:
            time.sleep(0.05)  # a process that was told to end needs a moment
        self.assertEqual(shell.end(), [])

    def test_device(self):
        self.follow("device").end()  # the modem may go on: the page says how to end it

    def test_cloud(self):
        self.assert_ended(self.follow("cloud"))

    def test_operator(self):
        self.assert_ended(self.follow("operator"))

    def test_card(self):
        self.assert_ended(self.follow("card"))


if __name__ == "__main__":
    unittest.main()
