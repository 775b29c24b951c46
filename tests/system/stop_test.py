"""Stopping while the disk does not answer: strace holds every sync up, and a person will not wait."""

import os
import pathlib
import signal
import unittest

import harness

STALL = "delay_enter=14000000:when=8+"  # microseconds; the first seconds of the recording are synced at once


class StopTest(harness.SystemTest):
    def recorder_on_a_stalling_disk(self, camsim):
        prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", f"inject=fdatasync:{STALL}"]
        recorder = self.recorder(self.folder / "data", {"front": camsim.url("front")}, ["--min-free", "1%"], prefix=prefix)
        recorder.wait_for_line("commit.ledger_failed|durability_degraded|disk_stall")
        strace = recorder.child.pid
        return recorder, int(pathlib.Path(f"/proc/{strace}/task/{strace}/children").read_text())

    def test_host02_host12_second_signal_ends_a_stop_that_waits_for_the_disk(self):
        camsim = self.camsim()
        recorder, process = self.recorder_on_a_stalling_disk(camsim)
        os.kill(process, signal.SIGTERM)
        recorder.wait_for_line(r"\bstopping\b")
        os.kill(process, signal.SIGTERM)
        recorder.wait_for_line("longtake: stopped before every recording was closed")
        self.assertEqual(recorder.child.wait(harness.HANG_GUARD_S), 3, recorder.text())
        recorder.close()
        # No thread was waited for: each would have waited for the disk, and told what became of it.
        self.assertNotIn("archive.close_failed", recorder.text())
        recorder = self.recorder(self.folder / "data", {"front": camsim.url("front")}, ["--min-free", "1%"])
        recorder.wait_until_recorded("front", 1)
        recorder.wait_until_ready()
        self.assertEqual(recorder.stop(), 0, recorder.text())
        harness.check_folder(self.folder / "data")


if __name__ == "__main__":
    unittest.main()
