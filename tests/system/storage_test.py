"""Disks without inodes, files that cannot be deleted, a catalog that others hold: FAULTS HOST-10, RET-07, CAT-04."""

import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import one_camera  # noqa: E402


class StorageTest(one_camera.OneCameraTest):
    def test_host10_no_inodes_stops_recording_and_inodes_resume_it(self):
        why_not = harness.LoopVolume.why_not()
        if why_not:
            harness.say_loudly(f"a disk without inodes: {why_not}")
            self.skipTest(why_not)
        camsim = self.camsim()
        volume = self.loop_volume(256, mkfs=["-N", "1024"])
        data = volume.path / "data"
        recorder = self.start(data, camsim)
        recorder.wait_until_recorded("front", 3)
        filler = volume.path / "filler"
        filler.mkdir()
        for number in range(os.statvfs(volume.path).f_favail - 100):
            (filler / str(number)).touch()
        self.assertGreater(os.statvfs(volume.path).f_bavail, 1000, "there is room, but no inodes")
        # Retention frees what it can, a file an inode; then the reason is told.
        harness.wait_until(lambda: "disk_full" in self.reasons(recorder), "a disk_full gap", 120)
        recorder.wait_for_line(r"inodes")
        self.assertEqual(recorder.recording("front")["state"], "waiting")
        self.assertTrue(recorder.is_running())
        shutil.rmtree(filler)
        resumed = time.time()
        harness.wait_until(lambda: harness.seconds_of(recorder.recording("front")["last"]) > resumed + 5, "recording to resume")
        self.judge(recorder, camsim, ("disk_full", "retention"))
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)

    def test_ret07_file_that_cannot_be_unlinked_is_counted_and_stops_no_other(self):
        why_not = harness.LoopVolume.why_not() or (not shutil.which("chattr") and "chattr is missing (package e2fsprogs)")
        if why_not:
            harness.say_loudly(f"a file that cannot be unlinked: {why_not}")
            self.skipTest(why_not)
        camsim = self.camsim()
        volume = self.loop_volume(256)
        data = volume.path / "data"
        policy = ["--max-total-size", "500kB"]
        recorder = self.start(data, camsim, policy)
        recorder.wait_until_recorded("front", 8)
        oldest = sorted((data / "recordings").rglob("*.mp4"), key=lambda file: file.stat().st_mtime)[0]
        subprocess.run(["chattr", "+i", oldest], check=True)
        deleted = recorder.deleted_bytes()
        harness.wait_until(lambda: recorder.deleted_bytes() > deleted + 150e3, "others to go", 120)
        self.assertGreaterEqual(recorder.metric("longtake_retention_failed_unlinks_total"), 1)
        self.assertTrue(oldest.exists())
        listed = recorder.segments("front")
        self.assertNotIn(oldest.stem, [one["id"] for one in listed])
        self.assertEqual(recorder.raw(f"/api/v1/recordings/front/segments/{oldest.stem}.mp4")[0], 404)
        self.judge(recorder, camsim, ("retention",))
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)
        # Counted as what it takes: rows, sizes and files are the same sums.
        subprocess.run(["chattr", "-i", oldest], check=True)
        recorder = self.start(data, camsim, policy)
        recorder.wait_until_ready()
        harness.wait_until(lambda: not oldest.exists(), "the tombstone's file to go at the next start")
        sizes = [one["bytes"] for one in recorder.segments("front")]
        self.assertAlmostEqual(recorder.recording("front")["bytes"], sum(sizes), delta=200e3)  # it goes on meanwhile
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)

    def test_cat04_catalog_held_by_another_process_never_holds_up_recording(self):
        camsim = self.camsim()
        data = self.folder / "data"
        recorder = self.recorder(data, {"front": camsim.url("front")}, ["--segment-length", "1s", "--min-free", "1%"])
        recorder.wait_until_recorded("front", 2)
        recorder.wait_until_ready()
        for hold in ("BEGIN; SELECT count(*) FROM segments", "BEGIN IMMEDIATE"):  # a long reader; a writer
            with self.subTest(hold):
                other = sqlite3.connect(data / "catalog.db", isolation_level=None)
                for statement in hold.split("; "):
                    other.execute(statement).fetchall()
                since = time.time()
                recorder.wait_until_recorded("front", 6)
                harness.wait_until(lambda: harness.seconds_of(recorder.recording("front")["durableUntil"]) > since + 4,
                                   "media to become durable all the same")
                self.assertGreaterEqual(len(recorder.segments("front")), 4)
                self.assertLess((data / "catalog.db-wal").stat().st_size, 64 << 20)
                other.rollback()
                other.close()
        self.judge(recorder, camsim, max_lost=0)
        self.assertEqual(recorder.recording("front")["camera"]["packetsLost"], 0)
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)


if __name__ == "__main__":
    unittest.main()
