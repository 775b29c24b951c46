"""What whole-system tests stand on: the simulated camera, the recorder as a process, file systems that can lose power.

Everything started is stopped by its own process id; ports are free ones; folders are temporary; waits are on
conditions, with hang guards that are generous because machines are slow at times.
"""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("LONGTAKE_BUILD", ROOT / "build" / "release"))
LONG = os.environ.get("LONGTAKE_TEST_LONG") == "1"
MEDIA = ROOT / "sim" / "media"
HANG_GUARD_S = 60.0
UTC = datetime.timezone.utc


def utc(seconds):
    """RFC 3339 with milliseconds, as the API takes it; `+` needs no encoding in it."""
    at = datetime.datetime.fromtimestamp(seconds, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def wait_until(condition, what, limit=HANG_GUARD_S):
    """Calls `condition` until it gives something true and returns that."""
    deadline = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit:.0f} s for: {what}")
        time.sleep(0.02)  # between looks, not instead of one


class Process:
    """A child whose lines are kept and can be waited for."""

    def __init__(self, command, **options):
        self.lines = []
        self._changed = threading.Condition()
        # A session of its own: a Ctrl-C at the terminal is not the child's, and its group can be ended by its id.
        # Read as bytes: text mode would take a lone CR for the end of a line.
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      start_new_session=True, **options)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self._changed:
                self.lines.append(line.decode(errors="replace").removesuffix("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append(None)
            self._changed.notify_all()

    def wait_for_line(self, pattern, limit=HANG_GUARD_S, start=0):
        """The first match at or behind line `start`; fails with what was printed when none comes."""
        deadline = time.monotonic() + limit
        seen = start
        with self._changed:
            while True:
                while seen < len(self.lines):
                    line = self.lines[seen]
                    seen += 1
                    if line is None:
                        raise AssertionError(f"ended before /{pattern}/; it said:\n" + self.text())
                    found = re.search(pattern, line)
                    if found:
                        return found
                if not self._changed.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() > deadline:
                    raise AssertionError(f"no /{pattern}/ in {limit:.0f} s; it said:\n" + self.text())

    def text(self):
        return "\n".join(line for line in self.lines[-60:] if line is not None)

    def is_running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.is_running():
            self.child.kill()
        self.child.wait(HANG_GUARD_S)
        self.close()

    def close(self):
        """Takes the last lines. A grandchild that still holds the pipe keeps it, and its reader, open."""
        self._reader.join(5.0)
        if not self._reader.is_alive():
            self.child.stdout.close()

    def stop(self, limit=HANG_GUARD_S):
        """SIGTERM, and the exit code."""
        if self.is_running():
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(HANG_GUARD_S)
            raise AssertionError("did not stop within the guard; it said:\n" + self.text()) from None
        self.close()
        return code


class Camsim(Process):
    """longtake-camsim with its control connection."""

    def __init__(self, folder, media=("front=front.h264,front.aac,fps=15",), do=(), script=None, speed=None, port=0,
                 address="127.0.0.1"):
        self.sent_log = str(pathlib.Path(folder) / "sent.log")
        self.fault_log = str(pathlib.Path(folder) / "faults.log")
        command = [str(BUILD / "longtake-camsim"), "--sent-log", self.sent_log, "--fault-log", self.fault_log,
                   "--address", address, "--port", str(port)]
        for one in media:
            name, _, files = one.partition("=")
            parts = [str(MEDIA / part) if part.endswith((".h264", ".aac")) and "/" not in part else part
                     for part in files.split(",")]
            command += ["--media", name + "=" + ",".join(parts)]
        for one in do:
            command += ["--do", one]
        if script:
            command += ["--script", script]
        if speed:
            command += ["--speed", str(speed)]
        super().__init__(command)
        self.port = int(self.wait_for_line(r"listening port=(\d+)").group(1))
        control = int(self.wait_for_line(r"control port=(\d+)").group(1))
        self._control = socket.create_connection(("127.0.0.1", control), HANG_GUARD_S)
        self._answers = self._control.makefile("r")

    def url(self, name, user="", host="127.0.0.1"):
        return f"rtsp://{user}{host}:{self.port}/{name}"

    def events(self):
        """The fault log so far: (path, what, {key: value}) an event."""
        self.command("sync")
        for line in pathlib.Path(self.fault_log).read_text().splitlines():
            _, path, what, *details = line.split(" ")
            yield path, what, dict(word.split("=", 1) for word in details if "=" in word)

    def command(self, line):
        """One control command; gives its answer's lines, raises on `error`."""
        self._control.sendall((line + "\n").encode())
        lines = []
        while True:
            answer = self._answers.readline()
            if not answer:
                raise AssertionError(f"camsim closed while answering: {line}")
            lines.append(answer.rstrip("\n"))
            if answer.startswith("ok"):
                return lines
            if answer.startswith("error"):
                raise AssertionError(f"camsim: {line}: {answer}")

    def close(self):
        self._answers.close()
        self._control.close()
        super().close()


class Recorder(Process):
    """`longtake serve` on a free port."""

    def __init__(self, data, cameras=(), flags=(), prefix=(), environment=None, wait=True):
        command = [*prefix, str(BUILD / "longtake"), "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
        for name, url in dict(cameras).items():
            command += ["--camera", f"{name}={url}"]
        command += list(flags)
        super().__init__(command, env={**os.environ, **(environment or {})})
        self.base = None
        self._is_ready = False
        if wait:
            self.wait_until_serving()

    def wait_until_serving(self, limit=HANG_GUARD_S):
        port = self.wait_for_line(r"serving .*url=\S*?:(\d+)\b", limit).group(1)
        self.base = f"http://127.0.0.1:{port}"
        return self

    def raw(self, path, headers=None, method="GET"):
        """Status, headers, body; no exception for 4xx and 5xx."""
        request = urllib.request.Request(self.base + path, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=HANG_GUARD_S) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def get(self, path):
        status, _, body = self.raw(path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body[:500]!r}")
        return json.loads(body)

    def recording(self, name):
        return self.get(f"/api/v1/recordings/{name}")

    def timeline(self, name, start=None, end=None):
        """Waits for the catalog once, because until then the answer is 503; `raw` is for whoever wants that one."""
        self._wait_for_catalog()
        query = []
        if start is not None:
            query.append("from=" + utc(start))
        if end is not None:
            query.append("to=" + utc(end))
        return self.get(f"/api/v1/recordings/{name}/timeline" + ("?" + "&".join(query) if query else ""))

    def segments(self, name):
        self._wait_for_catalog()
        return self.get(f"/api/v1/recordings/{name}/segments")["segments"]

    def segment_bytes(self, name, segment_id):
        return self.raw(f"/api/v1/recordings/{name}/segments/{segment_id}.mp4")[2]

    def metric(self, name):
        """The sum over all series of a metric."""
        text = self.raw("/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(re.escape(name) + r"(\{| )", line))

    def deleted_bytes(self):
        """By retention, in this life."""
        return self.metric("longtake_retention_deleted_bytes_total")

    def wait_until_ready(self):
        wait_until(lambda: self.raw("/readyz")[0] == 200, "/readyz")
        self._is_ready = True
        return self

    def _wait_for_catalog(self):
        if not self._is_ready:
            self.wait_until_ready()

    def wait_until_recorded(self, name, seconds, since=None, limit=HANG_GUARD_S):
        """Until `seconds` of media behind `since` (default: now) are there."""
        begin = time.time() if since is None else since

        def last():
            at = self.recording(name)["last"]
            return at and seconds_of(at) >= begin + seconds
        wait_until(last, f"{seconds} s of {name}", limit + seconds)
        return self

    def wait_for_state(self, name, state, limit=HANG_GUARD_S):
        wait_until(lambda: self.recording(name)["state"] == state, f"{name} to be {state}", limit)
        return self


def run_longtake(*arguments, **options):
    """A command that ends by itself: exit code, standard output, standard error."""
    done = subprocess.run([str(BUILD / "longtake"), *map(str, arguments)], capture_output=True, text=True,
                          errors="replace", timeout=HANG_GUARD_S * 5, check=False, **options)
    return done.returncode, done.stdout, done.stderr


def check_folder(data):
    """Fails with the findings unless `longtake check` is content."""
    code, out, err = run_longtake("check", data)
    if code != 0:
        raise AssertionError(f"longtake check: exit {code}\n{out}\n{err}")


class SystemTest(unittest.TestCase):
    """Gives each test a folder, and ends whatever it started."""

    def setUp(self):
        self._stack = contextlib.ExitStack()
        self.addCleanup(self._stack.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="longtake-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def camsim(self, *args, **kwargs):
        return self._own(Camsim(self.folder, *args, **kwargs))

    def recorder(self, *args, **kwargs):
        return self._own(Recorder(*args, **kwargs))

    def _own(self, process):
        self._stack.callback(process.kill)
        return process

    def loop_volume(self, size_mib=256, options="", mkfs=()):
        return self._stack.enter_context(LoopVolume(self.folder, size_mib, options, mkfs))


class LoopVolume:
    """An ext4 image on a loop mount whose power can be cut (EXT4_IOC_SHUTDOWN without a log flush).

    Needs root and loop devices; `why_not` says what is missing, loudly, where the machine refuses.
    """

    SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
    NO_LOG_FLUSH = 2

    def __init__(self, folder, size_mib, options="", mkfs=()):
        self.image = pathlib.Path(folder) / "volume.img"
        self.path = pathlib.Path(folder) / "volume"
        self.size_mib = size_mib
        self.options = options
        self.mkfs = mkfs
        self.is_mounted = False

    @staticmethod
    def why_not():
        if os.geteuid() != 0:
            return "power cuts need root, to mount a loop device"
        if not shutil.which("mkfs.ext4"):
            return "mkfs.ext4 is missing (package e2fsprogs)"
        with tempfile.TemporaryDirectory(prefix="longtake-") as folder:
            try:
                with LoopVolume(folder, 16):
                    return None
            except (subprocess.CalledProcessError, OSError) as error:
                return f"this machine does not mount loop devices: {error}"

    def __enter__(self):
        self.path.mkdir(exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(self.size_mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", *self.mkfs, str(self.image)], check=True, capture_output=True)
        self.mount()
        return self

    def __exit__(self, *_):
        self.unmount()

    def mount(self):
        options = "loop" + ("," + self.options if self.options else "")
        subprocess.run(["mount", "-o", options, str(self.image), str(self.path)], check=True, capture_output=True)
        self.is_mounted = True

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", str(self.path)], check=True, capture_output=True)
            self.is_mounted = False

    def cut_power(self):
        """From now on nothing reaches the image, and nothing that was not synced will ever be seen again."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, self.SHUTDOWN, struct.pack("I", self.NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def restore_power(self):
        """After whoever used it is gone: unmount, mount again."""
        self.unmount()
        self.mount()


def say_loudly(text):
    """What could not be tested here must not pass in silence."""
    print(f"\n*** NOT TESTED HERE: {text} ***", flush=True)
