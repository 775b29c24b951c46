"""The machine's clock is set while the recorder runs, or was never set: FAULTS HOST-22, HOST-23, RET-03."""

import pathlib
import struct
import sys
import threading
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import oracle  # noqa: E402

HOUR_S = 3600.0
START = ("camera_disconnected", "no_keyframe")


class WallClock:
    """The recorder's time of day, as far as it is not the machine's; the camera keeps the machine's."""

    def __init__(self, folder):
        self._file = folder / "wall_shift"
        self.steps = []  # (when in true microseconds, microseconds ahead from then on)
        self._file.write_bytes(struct.pack("=qq", 0, 0))
        self.environment = {"LD_PRELOAD": str(harness.BUILD / "longtake-wall-shift.so"),
                            "LONGTAKE_TEST_WALL_SHIFT": str(self._file)}

    def set(self, ahead_s, is_synchronised=False):
        with open(self._file, "r+b") as file:  # the recorder has it mapped
            file.write(struct.pack("=qq", round(ahead_s * 1e6), int(is_synchronised)))
        self.steps.append((round(time.time() * 1e6), round(ahead_s * 1e6)))
        return self

    def now(self):
        return time.time() + (self.steps[-1][1] / 1e6 if self.steps else 0.0)


class ClockTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.clock = WallClock(self.folder)
        self.data = self.folder / "data"
        self.camera = self.camsim()

    def start(self):
        return self.recorder(self.data, {"front": self.camera.url("front")},
                             ["--segment-length", "3s", "--min-free", "1%", "--keep", "30m"],
                             environment=self.clock.environment)

    def record(self, recorder, seconds=3):
        """Until that much more is recorded by the recorder's own time."""
        after = self.clock.now()

        def reaches():
            listed = self.segments(recorder).list()
            return any(after + seconds <= harness.seconds_of(one["end"]) < after + HOUR_S / 2 for one in listed)
        recorder.wait_until_ready()
        harness.wait_until(reaches, f"{seconds} s more of front")
        return recorder

    def segments(self, recorder):
        """Everything there is, whatever the recorder's clock says now."""
        start, end = time.time() - 2 * HOUR_S, time.time() + 2 * HOUR_S
        return oracle.HttpSegments(recorder.base, "front", harness.utc(start), harness.utc(end))

    def judge(self, recorder, reasons, steps=()):
        report = oracle.judge(self.camera.sent_log, self.segments(recorder), None, START + tuple(reasons),
                              oracle.Tolerances(tail=4.0), camera="front",
                              before_log=lambda: self.camera.command("sync"), steps=steps)
        self.assertTrue(report.ok, report.text())
        return report

    def gaps(self, recorder):
        return self.segments(recorder).timeline()["gaps"]

    def finish(self, recorder):
        """Nothing was deleted, all is well on disk, and media and ledger say the same as the catalog did."""
        self.assertEqual(recorder.deleted_bytes(), 0)
        self.assertEqual(recorder.stop(), 0, recorder.text())
        harness.check_folder(self.data)
        self.assertEqual(harness.run_longtake("rebuild", self.data)[0], 0)
        harness.check_folder(self.data)

    def test_host22_ret03_clock_set_back_and_forth_by_an_hour_keeps_all_and_deletes_nothing(self):
        recorder = self.record(self.start())
        # Back to a time before recording was asked for, to where it was, and an hour ahead.
        for ahead_s in (-HOUR_S, 0.0, HOUR_S):
            self.clock.set(ahead_s)
            self.record(recorder)
        if harness.LONG:
            threading.Event().wait(90)  # past the minute in which nothing is deleted by age anyway
        self.judge(recorder, ["clock_step"], self.clock.steps)
        segments = [(one["start"], one["end"]) for one in self.segments(recorder).list()]
        for (_, end), (start, _) in zip(segments, segments[1:]):
            self.assertLessEqual(end, start, "segments overlap")
        # The hour before the start that only a moment of was told, the moment told elsewhere, the hour that never was.
        self.assertEqual([gap["reason"] for gap in self.gaps(recorder)], ["clock_step"] * 3)
        self.finish(recorder)

    def test_host22_clock_that_was_ahead_and_is_set_right_between_two_lives(self):
        self.clock.set(HOUR_S)
        recorder = self.record(self.start())
        self.assertEqual(recorder.stop(), 0)
        self.clock.set(0.0, is_synchronised=True)
        recorder = self.record(self.start())
        self.judge(recorder, ["clock_step", "operator_stop"], self.clock.steps)
        self.finish(recorder)

    def test_host23_boot_in_1970_is_redated_to_the_second_once_the_clock_is_set(self):
        recorder = self.record(self.start())
        self.assertEqual(recorder.stop(), 0)
        self.clock.set(100 - time.time())
        recorder = self.start()
        recorder.wait_for_line(r"clock\.wrong")
        recorder.wait_until_ready()
        harness.wait_until(lambda: recorder.recording("front")["first"] < "1971", "footage of 1970")
        self.clock.set(0.0)
        recorder.wait_for_line(r"clock\.set")
        self.record(recorder)
        # By the true time of day: as if the clock had never been wrong.
        self.judge(recorder, ["operator_stop", "clock_step"])
        # Beside the waits for a first picture at each start.
        told = [gap["reason"] for gap in self.gaps(recorder) if gap["reason"] not in START]
        self.assertEqual(told, ["operator_stop"])
        self.assertGreater(recorder.recording("front")["first"], "2026")
        self.finish(recorder)

    def test_host23_first_start_ever_in_1970(self):
        self.clock.set(100 - time.time())
        recorder = self.start()
        recorder.wait_until_ready()
        harness.wait_until(lambda: recorder.segments("front"), "footage of 1970")
        self.clock.set(0.0)
        recorder.wait_for_line(r"clock\.set")
        self.record(recorder)
        told = self.gaps(recorder)
        # Asked for since 1970; nothing is said of the future.
        self.assertEqual([gap["reason"] for gap in told if gap["reason"] not in START], ["clock_step"])
        self.assertLess(harness.seconds_of(told[-1]["end"]), time.time())
        self.finish(recorder)


if __name__ == "__main__":
    unittest.main()
