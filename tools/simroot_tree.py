# SPDX-License-Identifier: Apache-2.0
"""What the checks share: walking the source tree, reading C++ without its comments, reporting."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP_FOLDERS = ("src", "apps", "include", "examples", "tests", "bench", "tools", "cmake", ".ci", "docs")

# The core runs on a chip: no heap, no exceptions, no operating system (docs/architecture.md).
CORE_FOLDERS = (
    "src/common/base/", "src/common/wire/", "src/common/iotsafe/", "src/common/secure/",
    "src/card/applet/", "src/card/store/", "src/card/uicc/", "src/card/port/", "src/card/security_domain/",
)
CORE_FILES = (
    "src/common/crypto/port.hpp", "src/common/crypto/entropy.hpp",
    "src/card/pipe/pipe_card.hpp", "src/card/pipe/pipe_card.cpp",
)


def walk(root=ROOT, folders=TOP_FOLDERS):
    """Yields the paths, relative to `root`, of all files below the folders of the project and of those in its root."""
    for name in sorted(os.listdir(root)):
        if os.path.isfile(os.path.join(root, name)):
            yield name
    for folder in folders:
        for place, subfolders, names in os.walk(os.path.join(root, folder)):
            subfolders[:] = sorted(s for s in subfolders if s not in ("__pycache__", "corpus"))
            for name in sorted(names):
                yield os.path.relpath(os.path.join(place, name), root)


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def is_cxx(path):
    return path.endswith((".cpp", ".hpp", ".h", ".c"))


def is_test(path):
    """True for unit tests and what they share: foo_test.cpp, foo_test_support.hpp, test_foo.hpp, fake_foo.hpp, testing/."""
    stem = os.path.basename(path).split(".")[0]
    return (path.startswith("tests/") or "/testing/" in path
            or stem.startswith(("test_", "fake_")) or stem.endswith(("_test", "_test_support")))


def is_core(path):
    """True for sources of the core that end up in a product; its tests run on hosts only."""
    return (path.startswith(CORE_FOLDERS) or path in CORE_FILES) and not is_test(path)


_COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def code_only(text):
    """The C++ source with comments and the inside of literals blanked out, line numbers kept."""
    def blank(match):
        token = match.group(0)
        lines = "\n" * token.count("\n")
        if token.startswith(("//", "/*")):
            return lines
        return '""' + lines if token[0] in '"R' else "' '"

    # A digit separator (1'000) is no character literal.
    text = re.sub(r"(?<=[0-9A-Fa-f])'(?=[0-9A-Fa-f])", "", text)
    return _COMMENT_OR_LITERAL.sub(blank, text)


def report(tool, checked, findings):
    """Prints the findings, one a line, and returns the exit code."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{tool}: {len(findings)} finding(s) in {checked}", file=sys.stderr)
        return 1
    print(f"{tool}: {checked}, nothing found")
    return 0
