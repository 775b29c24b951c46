#!/usr/bin/env python3
"""longtake-camsim judged from outside: by ffmpeg and ffprobe as RTSP clients, by sockets, and by the oracle.

  camsim_system_test.py PROGRAM [unittest arguments]
"""

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MEDIA = os.path.join(HERE, "..", "media")
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests"))
import oracle  # noqa: E402
import oracle_test  # noqa: E402

PROGRAM = None
PATIENCE = 30  # seconds before a hang is called one
# As a client: over TCP, and content with half a second to learn what the tracks are.
CLIENT = ("-rtsp_transport", "tcp", "-analyzeduration", "500000", "-probesize", "100000", "-fpsprobesize", "2")


def media(name):
    return os.path.join(MEDIA, name)


FRONT = "front=%s,%s" % (media("front.h264"), media("front.aac"))


class Camsim:
    """A running simulator, its control connection and its logs."""

    def __init__(self, folder, *arguments):
        self.sent_log = os.path.join(folder, "sent.log")
        self.fault_log = os.path.join(folder, "fault.log")
        self.process = subprocess.Popen(
            [PROGRAM, "--sent-log", self.sent_log, "--fault-log", self.fault_log, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = self._read_port("listening")
        self.control = socket.create_connection(("127.0.0.1", self._read_port("control")), PATIENCE)
        self._answers = self.control.makefile("r", encoding="utf-8")

    def _read_port(self, what):
        line = self.process.stdout.readline()
        match = re.fullmatch(what + r" port=(\d+)\n", line)
        if not match:
            raise AssertionError("%r; stderr: %s" % (line, self.process.stderr.read()))
        return int(match.group(1))

    def command(self, line):
        self.control.sendall((line + "\n").encode())
        answer = []
        while not answer or not answer[-1].startswith(("ok", "error")):
            answer.append(self._answers.readline())
            if not answer[-1]:
                raise AssertionError("the control connection closed")
        return "".join(answer)

    def sent(self, camera="front"):
        self.command("sync")
        return oracle.load_sent_log(self.sent_log, camera)

    def faults(self):
        self.command("sync")
        with open(self.fault_log, encoding="utf-8") as file:
            return file.read()

    def url(self, camera="front", user=""):
        return "rtsp://%s127.0.0.1:%d/%s" % (user, self.port, camera)

    def stop(self):
        self.control.close()
        self._answers.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


class RtspClient:
    """As much of an RTSP client as it takes to see what the simulator does."""

    def __init__(self, sim, camera="front"):
        self.socket = socket.create_connection(("127.0.0.1", sim.port), PATIENCE)
        self.url = sim.url(camera)
        self.buffer = b""
        self._sequence = 0

    def _fill(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError
        self.buffer += got

    def request(self, method, track="", *headers):
        self._sequence += 1
        lines = ["%s %s%s RTSP/1.0" % (method, self.url, track), "CSeq: %d" % self._sequence, *headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            while b"\r\n\r\n" not in self.buffer or self.buffer.startswith(b"$"):
                if self.buffer.startswith(b"$"):
                    self.packet()
                else:
                    self._fill()
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            length = re.search(rb"Content-Length: (\d+)", head)
            while length and len(self.buffer) < int(length.group(1)):
                self._fill()
            body = self.buffer[:int(length.group(1))] if length else b""
            self.buffer = self.buffer[len(body):]
            return int(head.split()[1]), head.decode(), body.decode()

    def play(self, *tracks):
        session = ""
        for index, track in enumerate(tracks or ("video",)):
            status, head, _ = self.request("SETUP", "/" + track, "Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d" % (
                2 * index, 2 * index + 1))
            assert status == 200, head
            session = re.search(r"Session: (\w+)", head).group(1)
        return self.request("PLAY", "", "Session: " + session)

    def packet(self):
        """(channel, packet) of the next interleaved frame."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack_from(">H", self.buffer, 2)[0]:
            self._fill()
        channel, length = struct.unpack_from(">BH", self.buffer, 1)
        data = self.buffer[4:4 + length]
        self.buffer = self.buffer[4 + length:]
        return channel, data

    def rtp(self, channel=0):
        """(sequence, timestamp, ssrc) of the next packet on a channel."""
        while True:
            got, data = self.packet()
            if got == channel:
                return struct.unpack_from(">HII", data, 2)

    def close(self):
        self.socket.close()


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class CamsimTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name
        self.sims = []

    def tearDown(self):
        for sim in self.sims:
            sim.stop()
        self._folder.cleanup()

    def start(self, *arguments):
        sim = Camsim(self.folder, *arguments)
        self.sims.append(sim)
        return sim

    def client(self, sim, camera="front"):
        client = RtspClient(sim, camera)
        self.addCleanup(client.close)
        return client


class SeenByFfmpeg(CamsimTest):

    def record(self, sim, name, user="", camera="front", seconds="3"):
        out = os.path.join(self.folder, name)
        done = run("ffmpeg", "-v", "error", "-y", *CLIENT, "-i", sim.url(camera, user), "-t", seconds,
                   "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof", out)
        self.assertEqual("", done.stderr)
        return out

    def packets(self, file, kind):
        done = run("ffprobe", "-v", "error", "-select_streams", kind, "-count_packets", "-show_entries",
                   "stream=nb_read_packets", "-of", "csv=p=0", file)
        return int(done.stdout.strip().rstrip(","))

    def test_video_and_audio_are_recorded(self):
        sim = self.start("--media", FRONT)
        file = self.record(sim, "front.mp4")
        self.assertAlmostEqual(45, self.packets(file, "v"), delta=2)
        self.assertAlmostEqual(141, self.packets(file, "a"), delta=6)

    def test_every_recorded_picture_is_one_that_was_sent(self):
        sim = self.start("--media", "small=" + media("small.h264"))
        with open(self.record(sim, "small.mp4", camera="small"), "rb") as file:
            _, samples = oracle.read_mp4(file.read())
        sent = {(one.number, one.crc, one.size) for one in sim.sent("small")}
        recorded = [(oracle.read_mark(one.data).number, oracle.crc32c(one.data), len(one.data)) for one in samples]
        self.assertGreater(len(recorded), 40)
        # ffmpeg changes the first sample of a file: parameter sets that stand in its header go.
        self.assertEqual([], [one for one in recorded[1:] if one not in sent])
        self.assertEqual(list(range(recorded[0][0], recorded[0][0] + len(recorded))), [one[0] for one in recorded])

    def test_ffprobe_sees_the_mark_in_the_elementary_stream(self):
        sim = self.start("--media", FRONT)
        file = os.path.join(self.folder, "front.h264")
        run("ffmpeg", "-v", "error", "-y", *CLIENT, "-i", sim.url(), "-t", "1", "-an", "-c", "copy", file)
        done = run("ffprobe", "-v", "error", "-show_frames", "-select_streams", "v", "-of", "json", file)
        frames = json.loads(done.stdout)["frames"]
        kinds = [[side["side_data_type"] for side in frame.get("side_data_list", [])] for frame in frames]
        self.assertTrue(kinds)
        self.assertTrue(all("H.26[45] User Data Unregistered SEI message" in kind for kind in kinds), kinds)

    def test_the_recording_decodes(self):
        sim = self.start("--media", FRONT)
        done = run("ffmpeg", "-v", "error", "-i", self.record(sim, "front.mp4"), "-f", "null", "-")
        self.assertEqual("", done.stderr)

    def test_each_kind_of_login_works_and_a_wrong_password_does_not(self):
        for scheme in ("basic", "digest", "digest-qop"):
            with self.subTest(scheme):
                sim = self.start("--media", FRONT, "--speed", "10", "--do", "front auth %s admin s3cret" % scheme)
                self.record(sim, scheme + ".mp4", user="admin:s3cret@", seconds="1")
                wrong = run("ffmpeg", "-v", "error", *CLIENT, "-i", sim.url(user="admin:wrong@"), "-t", "1",
                            "-f", "null", "-")
                self.assertIn("401", wrong.stderr)
                self.assertNotIn("s3cret", sim.faults())
                sim.stop()

    def test_cam13_plays_without_parameter_sets_in_the_description(self):
        sim = self.start("--media", FRONT, "--do", "front sdp sprop off")
        self.assertGreater(self.packets(self.record(sim, "front.mp4", seconds="1"), "v"), 10)


class SeenBySockets(CamsimTest):
    def test_cam01_drops_in_the_middle_of_a_picture(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        client = self.client(sim)
        client.play()
        client.packet()
        self.assertEqual("ok\n", sim.command("front drop mid rst"))
        with self.assertRaises((EOFError, ConnectionResetError)):
            while True:
                client.packet()
        self.assertIn("why=cut_in_picture", sim.faults())

    def test_cam01_another_session_goes_on_where_time_is(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        for _ in range(2):
            client = self.client(sim)
            client.play()
            client.packet()
            sim.command("front drop")
            with self.assertRaises((EOFError, ConnectionResetError)):
                while True:
                    client.packet()
        numbers = [one.number for one in sim.sent()]
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_cam02_freezes_half_open_and_lets_the_next_session_in(self):
        sim = self.start("--media", FRONT, "--do", "front start mid", "--speed", "10")
        client = self.client(sim)
        client.play()
        client.packet()
        sim.command("front freeze")
        client.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while True:
                client.packet()
        other = self.client(sim)
        other.play()
        self.assertIn(other.packet()[0], (0, 1))

    def test_cam03_trickles(self):
        sim = self.start("--media", FRONT, "--do", "front trickle")
        client = self.client(sim)
        client.socket.sendall(b"OPTIONS " + client.url.encode() + b" RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        started = time.monotonic()
        got = b""
        while len(got) < 3:
            got += client.socket.recv(100)
        self.assertEqual(b"RTS", got)
        self.assertGreater(time.monotonic() - started, 1.5)  # three bytes, one a second; slower is no fault

    def test_cam04_floods(self):
        for kind in ("headers", "line", "body"):
            with self.subTest(kind):
                sim = self.start("--media", FRONT, "--do", "front flood " + kind)
                client = self.client(sim)
                client.socket.sendall(b"DESCRIBE " + client.url.encode() + b" RTSP/1.0\r\nCSeq: 1\r\n\r\n")
                got = 0
                while got < 8 << 20:
                    got += len(client.socket.recv(1 << 20))
                sim.stop()

    def test_cam05_a_stale_nonce_is_refused_once_more(self):
        sim = self.start("--media", FRONT, "--do", "front auth digest u p")
        client = self.client(sim)
        _, head, _ = client.request("DESCRIBE")

        def answer(challenge):
            nonce = re.search('nonce="([^"]+)"', challenge).group(1)
            secret = md5("u:longtake-camsim:p")
            return 'Authorization: Digest username="u", realm="longtake-camsim", nonce="%s", uri="%s", response="%s"' % (
                nonce, client.url, md5("%s:%s:%s" % (secret, nonce, md5("DESCRIBE:" + client.url))))

        self.assertEqual(200, client.request("DESCRIBE", "", answer(head))[0])
        sim.command("front auth stale")
        status, renewed, _ = client.request("DESCRIBE", "", answer(head))
        self.assertEqual(401, status)
        self.assertIn("stale=true", renewed)
        self.assertEqual(200, client.request("DESCRIBE", "", answer(renewed))[0])

    def test_cam07_refuses_as_told_and_accepts_again(self):
        sim = self.start("--media", FRONT, "--do", "front refuse 503")
        self.assertEqual(503, self.client(sim).request("DESCRIBE")[0])
        sim.command("front refuse 454")
        self.assertEqual(454, self.client(sim).play()[0])
        sim.command("front refuse connection")
        with self.assertRaises((EOFError, ConnectionResetError)):
            self.client(sim).request("DESCRIBE")
        sim.command("* refuse connection")
        with self.assertRaises(ConnectionRefusedError):
            RtspClient(sim)
        sim.command("* accept")
        self.assertEqual(200, self.client(sim).request("DESCRIBE")[0])
        self.assertEqual(404, self.client(sim, "nobody").request("DESCRIBE")[0])
        self.assertEqual(461, self.client(sim).request("SETUP", "/video", "Transport: RTP/AVP;unicast;client_port=1-2")[0])

    def test_cam10_cam11_wraps_sequence_numbers_and_timestamps_without_a_hole(self):
        sim = self.start("--media", FRONT + ",mtu=200", "--do", "front start mid", "--do", "front wrap 1s")
        client = self.client(sim)
        client.play()
        packets = [client.rtp() for _ in range(200)]
        self.assertEqual(65500, packets[0][0])
        for before, after in zip(packets, packets[1:]):
            self.assertEqual((before[0] + 1) & 0xFFFF, after[0])
            self.assertIn((after[1] - before[1]) & 0xFFFFFFFF, (0, 6000))
        self.assertLess(packets[-1][0], 1000)

    def test_cam12_changes_its_ssrc_and_sends_strays(self):
        sim = self.start("--media", FRONT, "--do", "front start mid", "--speed", "10")
        client = self.client(sim)
        client.play()
        first = client.rtp()[2]
        sim.command("front ssrc stray 2")
        strays = 0
        while strays < 2:
            strays += client.rtp()[2] != first
        self.assertEqual(first, client.rtp()[2])
        sim.command("front ssrc")
        while client.rtp()[2] == first:
            pass

    def test_cam08_loses_packets_and_says_so(self):
        sim = self.start("--media", FRONT, "--speed", "10", "--do", "front lose every 10", "--do", "front start mid")
        client = self.client(sim)
        client.play()
        sequences = [client.rtp()[0] for _ in range(900)]
        missing = [(after - before - 1) & 0xFFFF for before, after in zip(sequences, sequences[1:])]
        self.assertEqual({0, 1}, set(missing))
        self.assertIn(sum(missing), (99, 100))
        self.assertGreater(sum(one.lost for one in sim.sent()), 0)

    def test_cam14_switches_parameter_sets(self):
        sim = self.start("--media", FRONT)
        _, _, before = self.client(sim).request("DESCRIBE")
        self.assertEqual("ok\n", sim.command("front params %s,%s" % (media("small.h264"), media("voice.aac"))))
        _, _, after = self.client(sim).request("DESCRIBE")
        sets = [re.search("sprop-parameter-sets=([^\r]*)", sdp).group(1) for sdp in (before, after)]
        self.assertNotEqual(*sets)
        self.assertIn("MPEG4-GENERIC/16000/1", after)

    def test_cam20_sender_reports_come_absurd_or_not_at_all(self):
        sim = self.start("--media", FRONT, "--do", "front start mid", "--do", "front rtcp absurd", "--speed", "10")
        client = self.client(sim)
        client.play()
        while True:
            channel, data = client.packet()
            if channel == 1:
                break
        self.assertEqual(200, data[1])
        self.assertGreater(abs(struct.unpack_from(">I", data, 8)[0] - 2208988800 - time.time()), 86400)
        sim.command("front rtcp off")
        other = self.client(sim)
        other.play()
        self.assertEqual({0}, {other.packet()[0] for _ in range(100)})

    def test_cam22_audio_stops_and_video_goes_on(self):
        sim = self.start("--media", FRONT, "--do", "front start mid", "--do", "front audio off", "--do", "front rtcp off")
        client = self.client(sim)
        client.play("video", "audio")
        self.assertEqual({0}, {client.packet()[0] for _ in range(30)})
        sim.command("front audio on")
        while client.packet()[0] != 2:
            pass

    def test_cam23_sends_a_picture_of_18_mib(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        client = self.client(sim)
        client.play()
        sim.command("front oversize")
        sizes = {}
        while not any(size > 18 << 20 for size in sizes.values()):
            channel, data = client.packet()
            if channel == 0:
                timestamp = struct.unpack_from(">I", data, 4)[0]
                sizes[timestamp] = sizes.get(timestamp, 0) + len(data) - 12

    def test_cam25_flushes_what_waited_during_a_stall(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        client = self.client(sim)
        client.play()
        client.packet()
        sim.command("front stall 2s")
        while len(sim.sent()) < 40:
            client.packet()
        numbers = [one.number for one in sim.sent()]
        self.assertEqual(list(range(numbers[0], numbers[0] + len(numbers))), numbers)
        lateness = [one.sent_us - one.wall_us for one in sim.sent()]
        self.assertGreater(max(lateness), 1_500_000)

    def test_a_stall_may_lose_what_waited(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        client = self.client(sim)
        client.play()
        client.packet()
        sim.command("front stall 1s skip")
        while len(sim.sent()) < 5:
            client.packet()
        numbers = [one.number for one in sim.sent()]
        steps = [after - before for before, after in zip(numbers, numbers[1:])]
        self.assertGreater(max(steps), 10)

    def test_cam26_ends_a_session_that_shows_no_sign_of_life(self):
        sim = self.start("--media", FRONT, "--do", "front session timeout 1s enforce", "--do", "front session getparam refuse",
                         "--do", "front start mid")
        client = self.client(sim)
        _, head, _ = client.play()
        self.assertIn("timeout=1", head)
        self.assertEqual(405, client.request("GET_PARAMETER")[0])
        with self.assertRaises((EOFError, ConnectionResetError)):
            while True:
                client.packet()
        self.assertIn("why=session_expired", sim.faults())

    def test_start_gop_bursts_from_the_last_key_picture(self):
        sim = self.start("--media", "longgop=%s" % media("longgop.h264"), "--do", "longgop start gop")
        while int(re.search(r"next=(\d+)", sim.command("list")).group(1)) < 10:
            time.sleep(0.05)
        client = self.client(sim, "longgop")
        client.play()
        while not sim.sent("longgop"):
            client.packet()
        first = sim.sent("longgop")[0]
        self.assertTrue(first.is_key)
        self.assertEqual(0, first.number)

    def test_speaks_http_instead(self):
        sim = self.start("--media", FRONT, "--do", "front http")
        client = self.client(sim)
        client.socket.sendall(b"OPTIONS " + client.url.encode() + b" RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        self.assertTrue(client.socket.recv(1000).startswith(b"HTTP/1.1 400"))

    def test_describes_tracks_nobody_knows(self):
        sim = self.start("--media", FRONT, "--do", "front sdp extra on", "--do", "front sdp title <b>\x1b[31m front")
        _, _, sdp = self.client(sim).request("DESCRIBE")
        self.assertIn("X-NOBODY-KNOWS", sdp)
        self.assertIn("s=<b>\x1b[31m front", sdp)
        sim.command("front sdp unknown on")
        _, _, sdp = self.client(sim).request("DESCRIBE")
        self.assertNotIn("H264", sdp)


class SeenByTheOracle(CamsimTest):
    """A recorder in a few lines, so that log, mark and oracle are held against each other before longtake is."""

    def record(self, sim, pictures):
        """The samples of so many pictures, as longtake keeps them: lengths before NAL units, no delimiters."""
        client = self.client(sim)
        client.play()
        samples = []
        units = []
        while len(samples) < pictures:
            channel, data = client.packet()
            if channel != 0:
                continue
            payload = data[12:]
            kind = payload[0] & 0x1F
            if kind == 24:
                at = 1
                while at < len(payload):
                    size = struct.unpack_from(">H", payload, at)[0]
                    units.append(payload[at + 2:at + 2 + size])
                    at += 2 + size
            elif kind == 28:
                if payload[1] & 0x80:
                    units.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
                if units:
                    units[-1] += payload[2:]
            else:
                units.append(payload)
            if data[1] & 0x80:
                samples.append(b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit[0] & 0x1F != 9))
                units = []
        return samples

    def judge(self, sim, samples, allowed=(), degraded=()):
        walls = [oracle.read_mark(sample).wall_us for sample in samples if oracle.read_mark(sample)]
        with open(os.path.join(self.folder, "1.mp4"), "wb") as file:
            file.write(oracle_test.init_segment())
            for sample in samples:
                mark = oracle.read_mark(sample)
                wall = mark.wall_us if mark else walls[0]
                file.write(oracle_test.fragment([sample], round((wall - walls[0]) * 0.09)))
        whole = {"start": oracle.format_time(walls[0]), "end": oracle.format_time(walls[-1] + 66_667)}
        with open(os.path.join(self.folder, "segments.json"), "w", encoding="utf-8") as file:
            json.dump({"segments": [dict(whole, id=1)]}, file)
        timeline = {"spans": [whole], "gaps": [], "degraded": [dict(whole, reason=reason) for reason in degraded]}
        sim.command("sync")
        return oracle.judge(sim.sent_log, self.folder, timeline, allowed, oracle.Tolerances(tail=0.0), camera="front")

    def test_a_faithful_recording_has_no_findings(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        report = self.judge(sim, self.record(sim, 40))
        self.assertEqual([], [str(finding) for finding in report.findings])
        self.assertEqual(40, report.playable)

    def test_b_frames_are_recorded_faithfully_too(self):
        sim = self.start("--media", "front=" + media("reorder.h264"), "--do", "front start mid")
        report = self.judge(sim, self.record(sim, 40))
        self.assertEqual([], [str(finding) for finding in report.findings])

    def test_one_flipped_bit_is_found(self):
        sim = self.start("--media", FRONT, "--do", "front start mid")
        samples = self.record(sim, 20)
        samples[10] = samples[10][:-1] + bytes([samples[10][-1] ^ 1])
        self.assertEqual(["altered"], [finding.kind for finding in self.judge(sim, samples).findings])

    def test_lost_packets_must_be_admitted(self):
        sim = self.start("--media", FRONT, "--do", "front start mid", "--do", "front lose every 20")
        samples = self.record(sim, 60)
        kinds = {finding.kind for finding in self.judge(sim, samples).findings}
        self.assertIn("silent_damage", kinds)
        report = self.judge(sim, samples, ["packet_loss"], ["packet_loss"])
        self.assertEqual([], [str(finding) for finding in report.findings])


class Program(CamsimTest):
    def test_help_teaches(self):
        done = run(PROGRAM, "--help")
        self.assertEqual(0, done.returncode)
        for word in ("--media", "--script", "freeze", "lose P%", "ratelie"):
            self.assertIn(word, done.stdout)

    def test_says_what_is_wrong_with_its_arguments(self):
        for arguments, code, words in (
                ((), 2, "--media"), (("--media", "front"), 2, "NAME=FILE"), (("--port", "x"), 2, "--port x"),
                (("--media", "a=/nothing.h264"), 3, "/nothing.h264"),
                (("--media", FRONT, "--do", "front fly"), 3, "no command \"fly\""),
                (("--media", FRONT, "--do", "back drop"), 3, "no camera \"back\"")):
            with self.subTest(arguments):
                done = run(PROGRAM, *arguments)
                self.assertEqual(code, done.returncode, done.stderr)
                self.assertIn(words, done.stderr)

    def test_follows_its_script(self):
        script = os.path.join(self.folder, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("0s front start mid\n# then\n0.2s front rtcp off\nevery 100ms times 2 front redate +1h\n")
        sim = self.start("--media", FRONT, "--script", script)
        while sim.faults().count("fault") < 4:
            time.sleep(0.05)
        self.assertIn("front fault rtcp off", sim.faults())

    def test_control_answers_mistakes_with_the_usage(self):
        sim = self.start("--media", FRONT)
        self.assertIn("error usage: front lose P% | every N", sim.command("front lose much"))
        self.assertIn("front url=rtsp://127.0.0.1:", sim.command("list"))
        self.assertIn("oversize", sim.command("help"))

    def test_ends_well_on_a_signal_and_on_quit(self):
        self.assertEqual(0, self.start("--media", FRONT).stop())
        sim = self.start("--media", FRONT)
        sim.command("quit")
        self.assertEqual(0, sim.process.wait(PATIENCE))

    def test_makes_copies_of_a_camera(self):
        sim = self.start("--media", FRONT + ",copies=3")
        self.assertEqual(200, self.client(sim, "front-3").request("DESCRIBE")[0])
        self.assertEqual(4, len(sim.command("list").splitlines()))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
