"""One camera on one recorder, judged by the oracle: what tests of the host and its disks begin with."""

import pathlib
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import oracle  # noqa: E402

FLAGS = ["--segment-length", "3s", "--min-free", "1%"]
START = ("camera_disconnected", "no_keyframe")


class OneCameraTest(harness.SystemTest):
    def start(self, data, camsim, flags=(), **options):
        return self.recorder(data, {"front": camsim.url("front")}, [*FLAGS, *flags], **options)

    def judge(self, recorder, camsim, reasons=(), **tolerances):
        report = oracle.judge(camsim.sent_log, recorder.base, None, START + tuple(reasons),
                              oracle.Tolerances(tail=4.0, **tolerances), camera="front",
                              before_log=lambda: camsim.command("sync"))
        self.assertTrue(report.ok, report.text())
        return report

    def reasons(self, recorder):
        return {gap["reason"] for gap in recorder.timeline("front")["gaps"]}

    def wait(self, seconds):
        """Lets the cameras go on for a while: the length of a fault, not a synchronisation."""
        threading.Event().wait(seconds)
