"""Clients and cameras that mean harm, all on one recorder that must not lose a picture: FAULTS SEC-03, 06, 10, 24."""

import json
import pathlib
import re
import shutil
import socket
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import oracle  # noqa: E402

FRONT = "front.h264,front.aac,fps=15"
MARKUP = "<img src=x onerror=alert(1)></script><script>alert('owned')</script>"
# ESC sequences, a lone CR, BEL, DEL, C1 controls as bytes and as UTF-8, bytes that are no UTF-8, and a forged line.
CONTROL = (r"\x1b[2J\x1b]0;owned\x07\x0d\x0b\x7f\x9b31m\xc2\x9b31m\xff\xfe\xe2\x80\xae"
           r"2026-01-01T00:00:00.000Z error forged key=value")
CAMERAS = {  # name: commands before the first client
    "front": (f"sdp title {CONTROL}{MARKUP}", f"sdp codec {CONTROL}", "sdp extra on"),
    "phrase": ("refuse 404 DESCRIBE", f"phrase {CONTROL}"),
    "forged-header": ("refuse 404 DESCRIBE", r"phrase Not Found\x0d\x0aX-Injected: \x1b[31m\x0a\x0aerror forged=1"),
    "tracks": ("sdp unknown on", f"sdp codec {CONTROL}{MARKUP}"),
    "markup": ("refuse 404 DESCRIBE", f"phrase {MARKUP}"),
}
PAYLOADS = [
    "../" * 12 + "etc/passwd", "..%2f" * 12 + "etc%2fpasswd", "%2e%2e/" * 12 + "etc/passwd", "%2e%2e%2f" * 12 + "etc/passwd",
    "%252e%252e%252f" * 6 + "etc/passwd", "..%c0%af" * 6 + "etc/passwd", "..%5c" * 6 + "etc%5cpasswd", "..\\" * 6 + "etc\\passwd",
    "....//" * 6 + "etc/passwd", "..;/" * 6 + "etc/passwd", "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd",
    "\\\\host\\share\\secret", "C:\\secret.txt", "secret.txt%00.mp4", "../secret.txt%00.mp4", "..%00/secret.txt", "::::////etc/passwd",
    "%e2%80%a5/%e2%80%a5/etc/passwd", "%ef%bc%8e%ef%bc%8e%ef%bc%8fetc%ef%bc%8fpasswd", "../secret.txt", "../../secret.txt",
    "../../../secret.txt", "..", ".", "%2e", "%2e%2e", "lock", "../lock", "catalog.db", "../catalog.db", "volume.json",
    "recordings/front/recording.json", "1000001-1.mp4/../../../lock", "1000001-1.mp4%2f..%2flock", "-1--1.mp4", "1e9-1.mp4",
    "18446744073709551616-1.mp4", "1000001-1.mp4%20", "1000001-1.MP4", "~root", "*", "A" * 3000,
]
OF_THE_C_LIBRARY = ("/etc/localtime", "/sys/devices/system/cpu/online")
PLACES = ["/", "/api/v1/recordings/", "/api/v1/recordings/front/segments/", "/api/v1/recordings/front/timeline?from="]


class AttackTest(harness.SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.holder = harness.SystemTest()
        cls.holder.setUp()
        cls.addClassCleanup(cls.holder.doCleanups)
        (cls.holder.folder / "secret.txt").write_text("canary-outside")
        cls.camsim = cls.holder.camsim(media=[f"{name}={FRONT}" for name in CAMERAS],
                                       do=[f"{name} {command}" for name, commands in CAMERAS.items() for command in commands])
        cls.data = cls.holder.folder / "data"
        cls.trace = cls.holder.folder / "trace"
        prefix = []
        if shutil.which("strace"):
            # The kernel's filter stops only these calls: everything else runs at full speed.
            prefix = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-s", "5000", "-o", str(cls.trace),
                      "-e", "trace=open,openat,openat2,creat"]
        cls.recorder = cls.holder.recorder(cls.data, {name: cls.camsim.url(name) for name in CAMERAS},
                                           ["--segment-length", "3s", "--min-free", "1%", "--log-level", "debug"], prefix=prefix)
        cls.recorder.wait_until_recorded("front", 4)
        cls.recorder.wait_until_ready()

    def port(self):
        return int(self.recorder.base.rsplit(":", 1)[1])

    def connect(self, source="127.0.0.1", receive_bytes=None):
        client = socket.socket()
        self.addCleanup(client.close)
        client.settimeout(harness.HANG_GUARD_S)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.bind((source, 0))
        client.connect(("127.0.0.1", self.port()))
        return client

    def ask(self, target):
        """An answer to a target as it stands: no library tidies it up."""
        client = self.connect()
        client.sendall(b"GET " + target.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        client.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head.decode(), body

    def test_sec03_no_path_leads_out_of_the_folder(self):
        seen = self.trace.stat().st_size if self.trace.exists() else 0
        for place in PLACES:
            for payload in PAYLOADS:
                status, head, body = self.ask(place + payload.replace(" ", "%20"))
                with self.subTest(place + payload):
                    self.assertIn(status, (400, 404))
                    self.assertIn("application/json", head)
                    for secret in (b"canary-outside", b"root:"):
                        self.assertNotIn(secret, body)
        if not self.trace.exists():
            harness.say_loudly("which files the recorder opens: strace is missing")
            return

        def opened():
            """One that may be opened shows that the others were not."""
            self.recorder.segment_bytes("front", self.recorder.segments("front")[0]["id"])
            with open(self.trace, encoding="utf-8", errors="replace") as trace:
                trace.seek(seen)
                return [line.rstrip() for line in trace if re.search(r"\bopen", line)]
        for line in harness.wait_until(opened, "an open in the trace"):
            path = re.search(r'"([^"]*)"', line)
            self.assertIsNotNone(path, line)
            if path.group(1) in OF_THE_C_LIBRARY:
                continue
            inside = path.group(1).startswith(str(self.data)) or "RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH" in line
            self.assertTrue(inside and ".." not in path.group(1).split("/"), line)

    def test_sec06_hundreds_of_slow_clients_disturb_nobody(self):
        slow_headers = [self.connect(f"127.0.1.{1 + number // 60}") for number in range(300)]
        for client in slow_headers:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        segment = self.recorder.segments("front")[0]["id"]
        slow_readers = [self.connect("127.0.2.1", receive_bytes=4096) for _ in range(40)]
        for client in slow_readers:
            client.sendall(f"GET /api/v1/recordings/front/segments/{segment}.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 100)
        took = []
        open_headers = list(slow_headers)

        def slow_headers_are_cut():
            for path in ("/healthz", "/api/v1/recordings", "/api/v1/recordings/front/timeline"):
                begin = time.monotonic()
                self.assertEqual(self.recorder.raw(path)[0], 200)
                took.append(time.monotonic() - begin)
            for client in list(open_headers):
                try:
                    client.sendall(b"a")
                    client.setblocking(False)
                    if client.recv(1) == b"":
                        open_headers.remove(client)
                except BlockingIOError:
                    pass
                except OSError:
                    open_headers.remove(client)
            return not open_headers
        harness.wait_until(slow_headers_are_cut, "300 slow headers to be cut", 120)
        took.sort()
        print(f"SEC-06: {len(took)} requests beside 340 slow clients: p50 {1e3 * took[len(took) // 2]:.1f} ms, "
              f"p99 {1e3 * took[len(took) * 99 // 100]:.1f} ms", flush=True)
        self.recorder.wait_until_recorded("front", 2)  # slow readers are still there

    def test_sec06_one_address_cannot_take_all_connections(self):
        clients = [self.connect("127.0.3.1") for _ in range(100)]
        # Its share is 64; beyond that the silent ones that waited longest make room, also for itself.
        harness.wait_until(lambda: self.recorder.metric("longtake_http_connections") <= 64 + 2, "room for others")
        last = clients[-1]
        last.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b" 200 ", last.recv(4096))
        for client in clients:
            client.close()

    def test_sec10_names_and_errors_of_others_are_json_and_nothing_else(self):
        status, headers, body = self.recorder.raw("/api/v1/recordings")
        listed = {one["name"]: one for one in json.loads(body)["recordings"]}
        self.assertIn("<script>", listed["markup"]["camera"]["lastError"])
        answers = [(status, headers)]
        for target in (f"/{MARKUP}", f"/api/v1/recordings/{MARKUP}", f"/api/v1/recordings/front/timeline?from={MARKUP}",
                       "/api/v1/recordings/markup"):
            answers.append(self.recorder.raw(target.replace(" ", "%20"))[:2])
        for status, headers in answers:
            self.assertEqual(headers["Content-Type"].split(";")[0], "application/json")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def test_sec24_no_control_byte_of_a_camera_reaches_the_log_or_the_api(self):
        for name in ("phrase", "forged-header", "tracks"):
            harness.wait_until(lambda: self.recorder.recording(name)["camera"].get("lastError"), f"{name} to fail")
        log = [line for line in self.recorder.lines if line is not None]
        self.assertTrue(any("404" in line and "camera=phrase" in line for line in log), log)
        for line in log:
            self.assertIsNone(re.search(r"[\x00-\x1f\x7f-\x9f\u202e\ufffd]", line), repr(line))
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z (trace|debug|info|warning|error) (?!forged)", "not a line of ours")
            self.assertLess(len(line), 8192)
        for path in ["/api/v1/recordings", "/metrics"] + [f"/api/v1/recordings/{name}" for name in CAMERAS]:
            body = self.recorder.raw(path)[2].decode()  # UTF-8, or it raises
            self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", body), repr(body))
            if path != "/metrics":
                self.assertNotRegex(str(json.loads(body)), r"[\x00-\x1f\x7f-\x9f\u202e]")

    def test_zz_all_the_while_not_a_picture_was_lost(self):
        self.recorder.wait_until_recorded("front", 2)
        report = oracle.judge(self.camsim.sent_log, self.recorder.base, None, ["camera_disconnected", "no_keyframe"],
                              oracle.Tolerances(tail=4.0, max_lost=0), camera="front",
                              before_log=lambda: self.camsim.command("sync"))
        self.assertTrue(report.ok, report.text())
        self.assertEqual(len(self.recorder.timeline("front")["spans"]), 1)
        self.assertEqual(self.recorder.recording("front")["camera"]["packetsLost"], 0)
        self.assertEqual(self.recorder.stop(), 0, self.recorder.text())
        harness.check_folder(self.data)


if __name__ == "__main__":
    unittest.main()
