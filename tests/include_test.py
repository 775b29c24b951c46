"""Reads every #include of the tree against DESIGN's table: folders depend downward only.

A folder may include itself, what it names here, and what those may include.
"""

import pathlib
import re
import sys
import unittest

MAY_INCLUDE = {
    "base": [],
    "media": ["base"],
    "codec": ["media"],
    "rtsp": ["codec"],
    "isobmff": ["codec"],
    "store": ["media"],
    "archive": ["isobmff", "store"],
    "playback": ["archive"],
    "server": ["playback", "rtsp"],
    "app": ["server"],
}

# The one home of each library whose headers are heavy or whose handles need an owner: include prefix -> files.
HOMES = {
    "sqlite3.h": ["src/store/"],
    "openssl/": ["src/base/digest.cc"],
    "spdlog/": ["src/base/log.cc"],
    "prometheus/": ["src/base/metrics.cc"],
    "toml++/": ["src/app/"],
    "CLI/": ["src/app/"],
    "curl/": ["src/app/"],
    "boost/beast": ["src/server/"],
}

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def reachable(folder):
    seen, todo = set(), [folder]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo.extend(MAY_INCLUDE[at])
    return seen


def sources():
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cc"):
            yield path


class IncludeTest(unittest.TestCase):
    def test_folders_depend_downward_only(self):
        wrong = []
        for path in sources():
            folder = path.relative_to(ROOT / "src").parts[0]
            self.assertIn(folder, MAY_INCLUDE, f"{path}: add the folder to the table")
            allowed = reachable(folder)
            for mark, target in INCLUDE.findall(path.read_text()):
                first = target.split("/")[0]
                if mark == '"' and first not in allowed:
                    wrong.append(f"{path.relative_to(ROOT)} includes {target}: {folder} may include {sorted(allowed)}")
        self.assertEqual(wrong, [])

    def test_our_includes_are_rooted_at_src(self):
        wrong = [
            f"{path.relative_to(ROOT)}: {target}"
            for path in sources()
            for mark, target in INCLUDE.findall(path.read_text())
            if mark == '"' and not any((ROOT / "src" / name).exists() for name in (target, f"{target}.in"))
        ]
        self.assertEqual(wrong, [])

    def test_each_library_has_one_home(self):
        wrong = []
        for path in sources():
            name = str(path.relative_to(ROOT))
            for mark, target in INCLUDE.findall(path.read_text()):
                for prefix, homes in HOMES.items():
                    if mark == "<" and target.startswith(prefix) and not any(name.startswith(home) for home in homes):
                        wrong.append(f"{name} includes <{target}>, whose home is {homes}")
        self.assertEqual(wrong, [])

    def test_every_header_is_included_once(self):
        self.assertEqual(
            [str(p) for p in sources() if p.suffix == ".h" and "#pragma once" not in p.read_text()], [])


if __name__ == "__main__":
    sys.exit(unittest.main())
