"""Cameras that misbehave, all at once on one recorder, each judged by the oracle: FAULTS CAM rows.

One run serves every scenario: what a bad camera does must not cost the others a picture, so they share the recorder on
purpose. `good` is the witness: it may lose nothing at all.
"""

import dataclasses
import pathlib
import re
import subprocess
import sys
import threading
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import oracle  # noqa: E402

RUN_S = 48.0  # from the first command to the end
START = ("camera_disconnected", "no_keyframe")  # before the first picture
FRONT = "front.h264,front.aac,fps=15"
SMALL = str(harness.MEDIA / "small.h264")
FRONT_VIDEO = str(harness.MEDIA / "front.h264")
VOICE = str(harness.MEDIA / "voice.aac")


@dataclasses.dataclass
class Scenario:
    """A camera, what it does when (seconds from the start), and what the recording may then say."""
    name: str
    media: str = FRONT
    script: tuple = ()
    reasons: tuple = ()
    max_lost: int = None      # pictures sent whole that may be missing, explained
    clock_s: float = 1.0      # how far a picture's place may be from when it was taken
    hole_s: float = 1.0
    user: str = ""
    check: str = None         # a method of the test that looks further


SCENARIOS = [
    Scenario("good", max_lost=0, check="loses_nothing"),
    Scenario("cam01-drop", script=((8, "drop"), (16, "drop rst mid"), (24, "drop mid"), (32, "drop rst")),
             reasons=("camera_disconnected", "no_keyframe", "packet_loss", "audio_lost")),
    Scenario("cam02-half-open", script=((10, "freeze"), (24, "drop")), check="notices_silence",
             reasons=("camera_stalled",)),
    Scenario("cam05-digest", script=((0, "auth digest-qop user pass-1"), (14, "auth stale"), (20, "drop")),
             user="user:pass-1@", reasons=("camera_disconnected", "no_keyframe", "auth_failed", "audio_lost")),
    Scenario("cam05-basic", script=((0, "auth basic user pass-1"),), user="user:pass-1@", max_lost=0),
    Scenario("cam10-sequence-wrap", script=((0, "wrap 9s"), (20, "drop")),
             reasons=("camera_disconnected", "no_keyframe", "audio_lost")),
    Scenario("cam11-timestamp-wrap", script=((0, "wrap 12s"),), max_lost=0),
    Scenario("cam12-ssrc", script=((12, "ssrc"), (24, "ssrc")), reasons=("packet_loss", "audio_lost", "no_keyframe"), max_lost=2),
    Scenario("cam12-stray", script=((12, "ssrc stray 2"),), max_lost=0, reasons=("packet_loss",)),
    Scenario("cam13-no-sprop", script=((0, "sdp sprop off"),), max_lost=0),
    Scenario("cam14-parameters", media="front.h264,fps=60", script=((0, f"params alternate {SMALL}"),), max_lost=0,
             reasons=(), check="decodes_each_size"),
    Scenario("cam16-long-gop", media="longgop.h264,fps=15", script=((0, "start gop"),), clock_s=10.5),
    Scenario("cam17-reorder", media="reorder.h264,fps=15", max_lost=0),
    Scenario("cam18-zero", script=((10, "timestamps zero"), (20, "timestamps true")), clock_s=4.0, hole_s=2.0,
             reasons=("bad_timestamps", "packet_loss", "no_keyframe", "audio_lost")),
    Scenario("cam18-random", script=((10, "timestamps random"), (20, "timestamps true")), clock_s=4.0, hole_s=2.0,
             reasons=("bad_timestamps", "packet_loss", "no_keyframe", "audio_lost")),
    Scenario("cam18-backward", script=((10, "timestamps backward"), (20, "timestamps true")), clock_s=4.0, hole_s=2.0,
             reasons=("bad_timestamps", "packet_loss", "no_keyframe", "audio_lost")),
    Scenario("cam18-jump", script=((10, "jump +3600s"), (20, "jump -7200s")), max_lost=2,
             reasons=("bad_timestamps", "no_keyframe", "audio_lost")),
    # 21 pictures a second are sent, 25 promised; the pictures themselves say 15.
    Scenario("cam19-fps-lies", media="front.h264,front.aac,fps=21", script=((0, "sdp rate 1.190476"),), max_lost=0,
             check="lasts_as_long_as_time"),
    Scenario("cam20-rtcp-absurd", script=((0, "rtcp absurd"), (20, "redate +86400s")), max_lost=0),
    Scenario("cam20-rtcp-off", script=((0, "rtcp off"),), max_lost=0),
    Scenario("cam22-audio-vanishes", script=((12, "audio off"), (26, "audio on")), max_lost=0, reasons=("audio_lost",)),
    Scenario("cam22-audio-later", script=((0, "audio off"), (16, "audio on")), max_lost=0, reasons=("audio_lost",),
             check="has_sound_at_the_end_only"),
    Scenario("cam22-other-rate", script=((18, f"params {FRONT_VIDEO},{VOICE}"), (18, "drop")), check="has_two_sound_rates",
             reasons=("camera_disconnected", "no_keyframe", "audio_lost", "packet_loss")),
    # A second of 28 times the usual, ten times over, and one picture of 8 MiB: within the limits, so all of it is kept.
    Scenario("cam23-burst", script=tuple((12 + second, "oversize 1") for second in range(10)) + ((26, "oversize 8"),), max_lost=0),
    Scenario("cam23-100000-packets", media="front.h264,front.aac,fps=15,mtu=84", script=((20, "oversize 8"),), max_lost=0),
    Scenario("cam23-oversize", script=((14, "oversize 18"),), reasons=("oversize", "packet_loss", "no_keyframe", "camera_stalled"),
             hole_s=3.0),
    Scenario("cam25-burst", script=((12, "stall 6s"), (28, "stall 4s")), clock_s=1.0, max_lost=0,
             reasons=("camera_stalled", "camera_timeout", "camera_disconnected", "no_keyframe", "audio_lost")),
    Scenario("cam26-session-expires", script=((0, "session timeout 6s enforce"), (0, "session getparam refuse")), max_lost=0),
    Scenario("lossy", script=((8, "lose 1%"), (36, "lose off")), reasons=("packet_loss", "audio_lost", "no_keyframe")),
]
NEVER_RECORD = {  # camera: (commands at its start, user info, what lastError must speak of, the gap's reason)
    "cam03-trickle": (("trickle on",), "", "", {"camera_timeout", "camera_disconnected"}),
    "cam04-flood-headers": (("flood headers",), "", "", {"camera_disconnected", "unsupported_media", "camera_timeout"}),
    "cam04-flood-body": (("flood body",), "", "", {"camera_disconnected", "unsupported_media", "camera_timeout"}),
    "cam05-wrong-password": (("auth digest user right",), "user:canary-secret@", "401", {"auth_failed"}),
    "not-rtsp": (("http on",), "", "HTTP", {"camera_disconnected", "unsupported_media"}),
    "unknown-tracks": (("sdp unknown on",), "", "", {"unsupported_media"}),
    "not-found": (("refuse 404 DESCRIBE",), "", "404", {"camera_disconnected", "unsupported_media"}),
}


class CamerasTest(harness.SystemTest):
    @classmethod
    def setUpClass(cls):
        """The run that all tests here look at."""
        cls.holder = harness.SystemTest()
        cls.holder.setUp()
        cls.addClassCleanup(cls.holder.doCleanups)
        media = [f"{one.name}={one.media}" for one in SCENARIOS] + [f"{name}={FRONT}" for name in NEVER_RECORD]
        do = [f"{one.name} {command}" for one in SCENARIOS for at, command in one.script if at == 0]
        do += [f"{name} {command}" for name, (commands, _, _, _) in NEVER_RECORD.items() for command in commands]
        cls.camsim = cls.holder.camsim(media=media, do=do)
        cameras = {one.name: cls.camsim.url(one.name, one.user) for one in SCENARIOS}
        cameras.update({name: cls.camsim.url(name, user) for name, (_, user, _, _) in NEVER_RECORD.items()})
        cameras["wrong-host"] = "rtsp://camera.invalid/main"
        cameras["nobody-there"] = "rtsp://127.0.0.1:9/main"
        cls.data = cls.holder.folder / "data"
        cls.recorder = cls.holder.recorder(cls.data, cameras, ["--segment-length", "10s", "--min-free", "1%"])
        cls.recorder.wait_until_recorded("good", 1)
        cls.play_script()
        cls.final = {one["name"]: one for one in cls.recorder.get("/api/v1/recordings")["recordings"]}

    @classmethod
    def play_script(cls):
        begin = time.monotonic()
        steps = sorted((at, f"{one.name} {command}") for one in SCENARIOS for at, command in one.script if at > 0)
        pause = threading.Event()  # the script is a time table: waiting is what it is about
        for at, command in steps + [(RUN_S, None)]:
            pause.wait(max(0.0, begin + at - time.monotonic()))
            if command:
                cls.camsim.command(command)

    def judge(self, scenario):
        tolerances = oracle.Tolerances(clock=scenario.clock_s, hole=scenario.hole_s, tail=4.0, max_lost=scenario.max_lost)
        report = oracle.judge(self.camsim.sent_log, self.recorder.base, None, START + scenario.reasons, tolerances,
                              camera=scenario.name, before_log=lambda: self.camsim.command("sync"))
        self.assertTrue(report.ok, f"{scenario.name}:\n{report.text()}")
        return report

    def loses_nothing(self, report):
        timeline = self.recorder.timeline("good")
        self.assertEqual(len(timeline["spans"]), 1, timeline)
        self.assertEqual(timeline["degraded"], [])
        self.assertEqual(self.final["good"]["camera"]["packetsLost"], 0)
        self.assertEqual(self.final["good"]["camera"]["reconnects"], 0)

    def notices_silence(self, report):
        gaps = [gap for gap in self.recorder.timeline("cam02-half-open")["gaps"] if gap["reason"] == "camera_stalled"]
        self.assertEqual(len(gaps), 1, gaps)

    def closed_segments(self, name):
        """(its entry, its tracks, its samples) of each segment that is whole."""
        for segment in self.recorder.segments(name):
            if segment["state"] == "closed":
                yield segment, *oracle.read_mp4(self.recorder.segment_bytes(name, segment["id"]))

    def decodes_each_size(self, report):
        """Each GOP is a segment with parameter sets of its own, and ffprobe decodes as many pictures as are in it."""
        sizes = []
        for segment, _, samples in self.closed_segments("cam14-parameters"):
            path = self.holder.folder / "probe.mp4"
            path.write_bytes(self.recorder.segment_bytes("cam14-parameters", segment["id"]))
            done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries",
                                   "stream=width,nb_read_frames", "-of", "csv=p=0", path], capture_output=True, text=True, check=True)
            width, pictures = done.stdout.strip().split(",")
            self.assertEqual((int(pictures), done.stderr), (len(samples), ""), segment)
            sizes.append(width)
        self.assertEqual(len(set(sizes)), 2, sizes)
        self.assertGreater(len(sizes), 60, "a change at each GOP")

    def lasts_as_long_as_time(self, report):
        for segment, _, samples in self.closed_segments("cam19-fps-lies"):
            taken = [oracle.read_mark(one.data).wall_us / 1e6 for one in samples if one.track.handler == "vide"]
            by_the_camera = taken[-1] - taken[0] + 1 / 21
            by_the_recording = harness.seconds_of(segment["end"]) - harness.seconds_of(segment["start"])
            self.assertAlmostEqual(by_the_recording, by_the_camera, delta=0.1, msg=segment)

    def has_sound_at_the_end_only(self, report):
        sound = [sum(one.track.handler == "soun" for one in samples) for _, _, samples in self.closed_segments("cam22-audio-later")]
        self.assertEqual(sound[0], 0, sound)
        self.assertGreater(sound[-1], 200, sound)

    def has_two_sound_rates(self, report):
        rates = [track.timescale for _, tracks, _ in self.closed_segments("cam22-other-rate")
                 for track in tracks.values() if track.handler == "soun"]
        self.assertEqual(sorted(set(rates)), [16000, 48000])

    def test_cameras_that_cannot_record_say_why_and_wait(self):
        for name, (_, _, words, reasons) in NEVER_RECORD.items():
            with self.subTest(name):
                one = self.final[name]
                self.assertEqual(one["state"], "waiting")
                self.assertTrue(one["camera"].get("lastError"), one)
                self.assertIn(words.lower(), one["camera"]["lastError"].lower())
                timeline = self.recorder.timeline(name)
                self.assertEqual(timeline["spans"], [])
                self.assertTrue(timeline["gaps"][-1]["open"])
                self.assertIn(timeline["gaps"][-1]["reason"], reasons)

    def test_unknown_host_and_closed_port_are_told_apart(self):
        self.assertEqual(self.recorder.timeline("wrong-host")["gaps"][-1]["reason"], "dns_failed")
        self.assertEqual(self.recorder.timeline("nobody-there")["gaps"][-1]["reason"], "camera_disconnected")

    def test_sec13_no_password_is_seen_anywhere(self):
        everything = "\n".join(line for line in self.recorder.lines if line)
        everything += self.recorder.raw("/metrics")[2].decode() + str(self.final)
        everything += pathlib.Path(f"/proc/{self.recorder.child.pid}/cmdline").read_text(errors="replace")
        for secret in ("canary-secret", "pass-1"):
            self.assertNotIn(secret, everything)

    def test_cam05_wrong_password_is_not_tried_again_and_again(self):
        faults = pathlib.Path(self.camsim.fault_log).read_text()
        tries = [line for line in faults.splitlines() if "cam05-wrong-password" in line and "DESCRIBE" in line]
        self.assertLessEqual(len(tries), 4, tries)  # without and with credentials, at most twice in the first minute

    def test_every_file_decodes_cleanly(self):
        """ffmpeg finds nothing to complain of in whole recordings."""
        for name in ("good", "cam11-timestamp-wrap", "cam16-long-gop", "cam17-reorder"):
            for segment in self.recorder.segments(name)[:3]:
                path = self.holder.folder / "decode.mp4"
                path.write_bytes(self.recorder.segment_bytes(name, segment["id"]))
                done = subprocess.run(["ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-"], capture_output=True,
                                      text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name} {segment['id']}")

    def test_zz_stops_in_order_and_checks_clean(self):
        status = pathlib.Path(f"/proc/{self.recorder.child.pid}/status").read_text()
        peak_kib = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))
        print(f"CAM-23: at most {peak_kib >> 10} MiB of memory", flush=True)
        self.assertLess(peak_kib, 1 << 20, "bursts and pictures of 8 and 18 MiB stay within bounds")
        self.assertEqual(self.recorder.stop(), 0, self.recorder.text())
        harness.check_folder(self.data)


def _add(scenario):
    def test(self):
        report = self.judge(scenario)
        if scenario.check:
            getattr(self, scenario.check)(report)
    setattr(CamerasTest, "test_" + scenario.name.replace("-", "_"), test)


for _scenario in SCENARIOS:
    _add(_scenario)

if __name__ == "__main__":
    unittest.main()
