"""The Debian package and the service: content, unit, man page, completion, and what the running program asks of systemd."""

import os
import pathlib
import re
import socket
import subprocess
import time
import unittest

from harness import BUILD, HANG_GUARD_S, ROOT, SystemTest, run_longtake

PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "longtake.service"
WORST_EXPOSURE = 1.5


def output_of(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          timeout=HANG_GUARD_S * 2, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def commands_and_options():
    """{("recordings", "list"): {"--help", ...}}, as the program's own help tells it."""
    found, todo = {}, [()]
    while todo:
        words = todo.pop()
        code, text, err = run_longtake(*words, "--help")
        if code != 0:
            raise AssertionError(f"longtake {words} --help: exit {code}\n{err}")
        # Footers hold examples; what is listed is indented by two and a name.
        found[words] = set(re.findall(r"^  (?:-\w, ?)?(--[a-z][a-z-]*)", text, re.MULTILINE))
        below = re.search(r"^Subcommands:\n((?:[ ]+.*\n)+)", text, re.MULTILINE)
        if below:
            todo += [(*words, name) for name in re.findall(r"^  ([a-z][a-z-]*)\b", below.group(1), re.MULTILINE)]
    return found


def bash_completes(*words):
    script = '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _longtake; printf "%s\\n" "${COMPREPLY[@]}"'
    return set(output_of("bash", "-c", script, PACKAGING / "completion.bash", "longtake", *words).split())


class PackageTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.tree = commands_and_options()

    def make_package(self):
        output_of("cpack", "-G", "DEB", "-B", self.folder / "package", cwd=BUILD)
        package, = (self.folder / "package").glob("*.deb")
        return package

    def test_the_package_holds_a_program_that_runs_and_all_around_it(self):
        package = self.make_package()
        root = self.folder / "root"
        output_of("dpkg-deb", "-x", package, root)
        for path in ("usr/bin/longtake", "lib/systemd/system/longtake.service", "etc/longtake/longtake.toml",
                     "usr/share/man/man1/longtake.1", "usr/share/doc/longtake/copyright",
                     "usr/share/bash-completion/completions/longtake", "usr/share/zsh/vendor-completions/_longtake",
                     "usr/share/fish/vendor_completions.d/longtake.fish"):
            self.assertTrue((root / path).is_file(), path)
        if (ROOT / "web/dist/index.html").exists():
            self.assertTrue((root / "usr/share/longtake/web/index.html").is_file())
        self.assertRegex(output_of(root / "usr/bin/longtake", "--version"), r"^longtake \d+\.\d+\.\d+")
        mode = (root / "etc/longtake/longtake.toml").stat().st_mode & 0o777
        self.assertEqual(mode, 0o640, "it may hold passwords")
        owners = set(re.findall(r"^\S+ (\S+)", output_of("dpkg-deb", "-c", package), re.MULTILINE))
        self.assertEqual(owners, {"root/root"})
        depends = output_of("dpkg-deb", "-f", package, "Depends")
        for library in ("libc6", "libssl3", "libsqlite3-0", "adduser"):
            self.assertIn(library, depends)
        control = self.folder / "control"
        output_of("dpkg-deb", "-e", package, control)
        self.assertEqual((control / "conffiles").read_text(), "/etc/longtake/longtake.toml\n")
        for script in ("postinst", "prerm", "postrm"):
            self.assertTrue(os.access(control / script, os.X_OK), script)
            output_of("sh", "-n", control / script)

    def test_the_man_page_tells_every_command_and_option(self):
        page = (PACKAGING / "longtake.1").read_text().replace("\\-", "-")
        for words, options in self.tree.items():
            for word in (*words[-1:], *options):
                self.assertRegex(page, rf"(?<![\w-]){re.escape(word)}(?![\w-])", f"longtake {' '.join(words)}")
        done = subprocess.run(["man", "--warnings", "-l", str(PACKAGING / "longtake.1")], capture_output=True,
                              text=True, check=True, timeout=HANG_GUARD_S,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
        self.assertEqual(done.stderr, "")

    def test_the_shells_complete_every_command_and_option(self):
        self.assertEqual(bash_completes("rec"), {"recordings"})
        self.assertEqual(bash_completes("serve", "--max"), {"--max-total-size"})
        zsh, fish = ((PACKAGING / f"completion.{shell}").read_text() for shell in ("zsh", "fish"))
        for words, options in self.tree.items():
            if words:
                self.assertIn(words[-1], bash_completes(*words[:-1], words[-1]))
                for text in (zsh, fish):
                    self.assertRegex(text, rf"(?<![\w-]){words[-1]}(?![\w-])")
            for option in options:
                self.assertIn(option, bash_completes(*words, option))
                self.assertRegex(zsh, rf"'\*?{option}\[")
                self.assertRegex(fish, rf"-l {option[2:]}(?![\w-])")


class ServiceTest(SystemTest):
    def test_the_unit_is_sound_and_exposes_little(self):
        unit = self.folder / "longtake.service"
        unit.write_text(UNIT.read_text().replace("/usr/bin/longtake", str(BUILD / "longtake")))
        said = output_of("systemd-analyze", "verify", "--man=no", unit)
        self.assertNotIn("longtake.service:", said)
        said = output_of("systemd-analyze", "security", "--offline=true", unit)
        exposure = float(re.search(r"Overall exposure level for longtake.service: (\d+\.\d+)", said).group(1))
        self.assertLessEqual(exposure, WORST_EXPOSURE)

    def test_the_example_configuration_serves_as_it_is_and_with_every_line_set(self):
        example = (PACKAGING / "longtake.toml").read_text()
        recorder = self.recorder(self.folder / "data", flags=["--config", str(PACKAGING / "longtake.toml")])
        self.assertEqual(recorder.stop(), 0)
        secret = self.folder / "password"
        secret.write_text("opensesame\n")
        whole = re.sub(r"^#(?=[a-z_\[])", "", example, flags=re.MULTILINE)
        whole = re.sub(r'^password(_env)? = .*\n', "", whole, flags=re.MULTILINE)  # one of three
        whole = whole.replace("/etc/longtake/front.password", str(secret))
        keys = set(re.findall(r"^(\w+) = ", whole, re.MULTILINE))
        self.assertTrue({"data", "listen", "keep", "min_free", "url", "password_file", "max_size"} <= keys, keys)
        config = self.folder / "whole.toml"
        config.write_text(whole.replace("rtsp://192.0.2.7/main", "rtsp://127.0.0.1:9/main"))
        recorder = self.recorder(self.folder / "data", flags=["--config", str(config)])
        self.assertEqual([one["name"] for one in recorder.get("/api/v1/recordings")["recordings"]], ["front"])
        self.assertEqual(recorder.stop(), 0)

    def test_the_service_manager_hears_ready_alive_and_stopping(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(HANG_GUARD_S)
            recorder = self.recorder(self.folder / "data",
                                     environment={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "500000"})
            self.assertEqual(manager.recv(64), b"READY=1")
            self.assertEqual([manager.recv(64) for _ in range(3)], [b"WATCHDOG=1"] * 3)
            self.assertEqual(recorder.stop(), 0)
            heard = manager.recv(64)
            while heard == b"WATCHDOG=1":
                heard = manager.recv(64)
            self.assertEqual(heard, b"STOPPING=1")

    def allowed_calls(self):
        """The unit's system call filter, laid out by systemd's own lists; later lines win, as systemd does it."""
        def calls_of(name):
            if not name.startswith("@"):
                return {name}
            listed = output_of("systemd-analyze", "syscall-filter", name)
            words = re.findall(r"^    (@?\w[\w-]*)$", listed, re.MULTILINE)
            return set().union(*(calls_of(word) for word in words))
        allowed = calls_of("@default")
        for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(), re.MULTILINE):
            named = set().union(*(calls_of(name) for name in line.lstrip("~").split()))
            allowed = allowed - named if line.startswith("~") else allowed | named
        return allowed

    def test_recording_and_serving_need_no_call_that_the_unit_forbids(self):
        camera = self.camsim()
        count = self.folder / "calls"
        recorder = self.recorder(self.folder / "data", {"front": camera.url("front")},
                                 flags=["--segment-length", "1s", "--max-total-size", "2MB"],
                                 prefix=["strace", "-f", "-c", "-o", str(count), "-I", "3"])
        begin = time.time()
        recorder.wait_until_recorded("front", 4, begin)
        segment = recorder.segments("front")[0]
        self.assertTrue(recorder.segment_bytes("front", segment["id"]))
        recorder.raw("/metrics")
        # strace does not pass a signal on, so its child gets it.
        child, = pathlib.Path(f"/proc/{recorder.child.pid}/task/{recorder.child.pid}/children").read_text().split()
        os.kill(int(child), 15)
        self.assertEqual(recorder.child.wait(HANG_GUARD_S), 0)
        # Its columns: time, seconds, calls (and errors), then the name.
        used = set(re.findall(r"^ +[\d.]+ +[\d.]+ .* (\w+)$", count.read_text(), re.MULTILINE)) - {"total"}
        self.assertTrue({"sendfile", "fdatasync", "prlimit64"} <= used, used)
        if os.geteuid() == 0:
            used -= {"fchown"}  # SQLite keeps a database's owner for its side files, but only as root; the service is not
        self.assertEqual(used - self.allowed_calls(), set())

    def test_the_unit_leaves_the_boot_id_in_sight(self):
        self.assertNotRegex(UNIT.read_text(), r"(?m)^ProcSubset=pid")


if __name__ == "__main__":
    unittest.main()
