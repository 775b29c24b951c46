"""What goes wrong on the host: full, slow, failing and vanished disks, frozen processes, second instances."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import one_camera  # noqa: E402
import oracle  # noqa: E402

FLAGS = one_camera.FLAGS
START = one_camera.START


class HostTest(one_camera.OneCameraTest):
    def test_host08_host09_full_disk_stops_recording_and_room_resumes_it(self):
        why_not = harness.LoopVolume.why_not()
        if why_not:
            harness.say_loudly(f"a full disk: {why_not}")
            self.skipTest(why_not)
        camsim = self.camsim()
        volume = self.loop_volume(256)
        data = volume.path / "data"
        recorder = self.start(data, camsim)
        recorder.wait_until_recorded("front", 3)
        filler = volume.path / "filler"
        room = os.statvfs(volume.path)
        subprocess.run(["fallocate", "-l", str(room.f_bavail * room.f_frsize - (1 << 20)), filler], check=True)
        # Memory holds the last 15 s, in case room comes back; what falls out of it is explained.
        harness.wait_until(lambda: "disk_full" in self.reasons(recorder), "a disk_full gap", 120)
        self.assertEqual(recorder.recording("front")["state"], "waiting")
        filler.unlink()
        resumed = time.time()
        harness.wait_until(lambda: harness.seconds_of(recorder.recording("front")["last"]) > resumed + 5, "recording to resume")
        self.judge(recorder, camsim, ("disk_full",))
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)

    def test_policy_max_total_size_deletes_the_oldest_within_a_minute(self):
        camsim = self.camsim(media=["front=front.h264,front.aac,fps=15", "back=front.h264,front.aac,fps=15"])
        data = self.folder / "data"
        recorder = self.recorder(data, {name: camsim.url(name) for name in ("front", "back")},
                                 [*FLAGS, "--max-total-size", "2MB"])
        begin = time.time()
        harness.wait_until(lambda: all("retention" in {gap["reason"] for gap in recorder.timeline(name)["gaps"]}
                                       for name in ("front", "back")), "retention of both", 240)
        self.wait(5)
        sizes = {one["name"]: one["bytes"] for one in recorder.get("/api/v1/recordings")["recordings"]}
        # At most what a minute brings beyond the limit, and fair between the two.
        self.assertLess(sum(sizes.values()), 2e6 + 2 * 60 * 50e3 * 1.5, sizes)
        self.assertLess(abs(sizes["front"] - sizes["back"]), 1.2e6, sizes)
        for segment in recorder.segments("front"):
            self.assertEqual(recorder.raw(f"/api/v1/recordings/front/segments/{segment['id']}.mp4", method="HEAD")[0], 200)
        timeline = recorder.timeline("front", begin - 60, time.time())
        for before, after in zip(timeline["gaps"], timeline["gaps"][1:]):
            self.assertNotEqual((before["end"], before["reason"]), (after["start"], after["reason"]), "gaps that touch are one")
        report = oracle.judge(camsim.sent_log, recorder.base, None, (*START, "retention"), oracle.Tolerances(tail=4.0), camera="front",
                              before_log=lambda: camsim.command("sync"))
        self.assertTrue(report.ok, report.text())
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)

    def test_host19_frozen_process_explains_the_time(self):
        camsim = self.camsim()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 3)
        recorder.signal(signal.SIGSTOP)
        self.wait(32 if harness.LONG else 14)
        recorder.signal(signal.SIGCONT)
        recorder.wait_until_recorded("front", 3)
        self.assertIn("process_stalled", self.reasons(recorder))
        self.judge(recorder, camsim, ("process_stalled",))
        self.assertEqual(recorder.deleted_bytes(), 0)
        self.assertEqual(recorder.stop(), 0)

    def inject(self, call, what, run_s, reasons=(), max_lost=None):
        """Records with one kind of system call failing or slow, and lets the oracle judge."""
        camsim = self.camsim()
        data = self.folder / "data"
        trace = self.folder / "trace"
        # -D: the recorder is the child and strace watches from aside, so that it is the recorder that is stopped.
        prefix = ["strace", "-D", "-f", "-qq", "-o", str(trace), "-e", f"trace={call}", "-e", f"inject={call}:{what}"]
        recorder = self.start(data, camsim, prefix=prefix)
        self.wait(run_s)
        recorder.wait_until_recorded("front", 2)
        self.assertTrue(recorder.is_running(), recorder.text())
        injected = trace.read_text().count("INJECTED") + trace.read_text().count("DELAYED")
        self.assertGreater(injected, 0, "the fault never came")
        report = self.judge(recorder, camsim, reasons, max_lost=max_lost)
        recorder.kill()
        return report

    def test_host11_slow_sync_loses_nothing(self):
        self.inject("fdatasync", "delay_enter=2000000", 20, max_lost=0)

    def test_host12_ten_seconds_of_stall_lose_nothing(self):
        self.inject("fdatasync", "delay_enter=10000000:when=12", 24, max_lost=0)

    def test_host13_failed_sync_goes_on_in_a_new_file(self):
        self.inject("fdatasync", "error=EIO:when=9", 8, ("disk_error",), max_lost=0)

    def test_host13_failed_write_goes_on_in_a_new_file(self):
        self.inject("pwritev", "error=EIO:when=25", 8, ("disk_error",), max_lost=0)

    def test_host13_no_space_for_one_write(self):
        self.inject("pwritev", "error=ENOSPC:when=25", 8, ("disk_error", "disk_full"))

    def test_host15_vanished_volume_is_not_written_to_by_name(self):
        why_not = harness.LoopVolume.why_not()
        if why_not:
            harness.say_loudly(f"a vanished volume: {why_not}")
            self.skipTest(why_not)
        camsim = self.camsim()
        volume = self.loop_volume(128)
        recorder = self.start(volume.path / "data", camsim)
        recorder.wait_until_recorded("front", 2)
        subprocess.run(["umount", "-l", str(volume.path)], check=True)
        volume.is_mounted = False
        self.wait(6)
        self.assertEqual(list(volume.path.iterdir()), [], "something was written below the mount point")
        recorder.kill()

    def test_host27_second_instance_is_refused_and_writes_nothing(self):
        camsim = self.camsim()
        data = self.folder / "data"
        recorder = self.start(data, camsim)
        recorder.wait_until_recorded("front", 1)
        code, _, err = harness.run_longtake("serve", "--data", data, "--listen", "127.0.0.1:0", "--camera", f"front={camsim.url('front')}")
        self.assertEqual(code, 3)
        self.assertIn("data", err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        recorder.wait_until_recorded("front", 1)
        self.judge(recorder, camsim)
        self.assertEqual(recorder.stop(), 0)


class CheckTest(harness.SystemTest):
    """`longtake check` finds each damage and names it; `rebuild` makes the catalog anew."""

    def record(self):
        camsim = self.camsim()
        data = self.folder / "data"
        recorder = self.recorder(data, {"front": camsim.url("front")}, ["--segment-length", "2s", "--min-free", "1%"])
        recorder.wait_until_recorded("front", 9)
        self.camsim_process = camsim
        return data, recorder

    def findings_after(self, damage):
        data, recorder = self.record()
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)
        files = sorted((data / "recordings").rglob("*.mp4"))
        damage(data, files)
        code, out, err = harness.run_longtake("check", data)
        self.assertEqual(code, 1, out + err)
        return data, files, out + err

    def test_check_beside_a_running_server_is_content(self):
        data, recorder = self.record()
        for _ in range(3):
            harness.check_folder(data)
        self.assertEqual(recorder.stop(), 0)

    def test_check_names_a_file_that_is_gone(self):
        _, files, text = self.findings_after(lambda data, files: files[1].unlink())
        self.assertIn(files[1].stem, text)

    def test_check_names_a_file_with_a_flipped_bit(self):
        def flip(data, files):
            content = bytearray(files[1].read_bytes())
            content[len(content) // 2] ^= 1
            files[1].write_bytes(content)
        _, files, text = self.findings_after(flip)
        self.assertIn(files[1].name, text)

    def test_check_names_a_file_that_is_cut(self):
        _, files, text = self.findings_after(lambda data, files: os.truncate(files[1], files[1].stat().st_size - 5000))
        self.assertIn(files[1].name, text)

    def test_cat08_check_names_a_torn_ledger(self):
        def flip(data, files):
            ledger = sorted((data / "ledger").iterdir())[0]
            content = bytearray(ledger.read_bytes())
            content[len(content) // 2] ^= 1
            ledger.write_bytes(content)
        _, _, text = self.findings_after(flip)
        self.assertIn("ledger", text)

    def test_cat01_cat02_catalog_is_rebuilt_whatever_happened_to_it(self):
        data, recorder = self.record()
        before = recorder.timeline("front", time.time() - 600, time.time() - 4)
        self.assertEqual(recorder.stop(), 0)
        catalog = data / "catalog.db"
        for damage in ("delete", "garbage", "empty"):
            with self.subTest(damage):
                for leftover in data.glob("catalog.db*"):
                    leftover.unlink()
                if damage == "garbage":
                    catalog.write_bytes(os.urandom(200_000))
                elif damage == "empty":
                    catalog.write_bytes(b"")
                begin = time.time()
                recorder = self.recorder(data, {"front": self.camsim_process.url("front")}, ["--segment-length", "2s", "--min-free", "1%"])
                recorder.wait_until_recorded("front", 1)
                recorder.wait_until_ready()
                after = recorder.timeline("front", time.time() - 600, begin - 4)
                self.assertEqual([span["start"] for span in after["spans"]][:1], [span["start"] for span in before["spans"]][:1])
                self.assertEqual(recorder.stop(), 0, recorder.text())
                harness.check_folder(data)


class ConfigTest(harness.SystemTest):
    """SIGHUP changes what it must and nothing else; bad input gets one clear sentence and the right exit code."""

    def test_sighup_adds_changes_and_removes_without_touching_the_others(self):
        camsim = self.camsim(media=[f"{name}=front.h264,front.aac,fps=15" for name in ("a", "b", "c", "d")])
        config = self.folder / "longtake.toml"

        def write(**cameras):
            text = 'segment_length = "3s"\nmin_free = "1%"\n'
            for name, path in cameras.items():
                text += f'[[camera]]\nname = "{name}"\nurl = "{camsim.url(path)}"\n'
            config.write_text(text)
        write(a="a", b="b", c="c")
        recorder = self.recorder(self.folder / "data", {}, ["--config", str(config)])
        for name in ("a", "b", "c"):
            recorder.wait_until_recorded(name, 2)
        write(a="a", b="d", d="b")  # b changes its url, c goes, d comes
        recorder.signal(signal.SIGHUP)
        recorder.wait_for_line(r"config\.applied")
        for name in ("a", "b", "d"):
            recorder.wait_until_recorded(name, 2)
        self.assertEqual(recorder.recording("c")["state"], "stopped")
        self.assertIsNone(recorder.recording("c")["camera"])
        self.assertEqual(len(recorder.timeline("a")["spans"]), 1, "the untouched camera lost nothing")
        self.assertIn("config_change", {gap["reason"] for gap in recorder.timeline("b")["gaps"]})
        config.write_text('segment_lenght = "3s"\n')
        recorder.signal(signal.SIGHUP)
        recorder.wait_for_line(r"config\.refused .*did you mean")
        recorder.wait_until_recorded("a", 1)
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(self.folder / "data")

    def test_camera_left_out_of_the_next_start_is_no_longer_asked_for(self):
        camsim = self.camsim(media=[f"{name}=front.h264,fps=15" for name in ("a", "b")])
        data = self.folder / "data"
        recorder = self.recorder(data, {name: camsim.url(name) for name in ("a", "b")}, ["--min-free", "1%"])
        recorder.wait_until_recorded("b", 1)
        self.assertEqual(recorder.stop(), 0)
        recorder = self.recorder(data, {"a": camsim.url("a")}, ["--min-free", "1%"])
        recorder.wait_until_recorded("a", 3)
        recorder.wait_until_ready()

        def is_over():
            gaps = recorder.timeline("b")["gaps"]
            return gaps and not gaps[-1].get("open") and recorder.recording("b")["state"] == "stopped"
        harness.wait_until(is_over, "b to be disarmed")
        self.assertEqual(recorder.stop(), 0)
        harness.check_folder(data)

    def refused(self, expected_code, *arguments, environment=None):
        code, out, err = harness.run_longtake(*arguments)
        self.assertEqual(code, expected_code, out + err)
        self.assertTrue(err.strip(), "said nothing")
        return err

    def test_usage_errors_exit_2_and_name_the_way_out(self):
        data = self.folder / "data"
        self.assertIn("NAME=rtsp://", self.refused(2, "serve", "--data", data, "--camera", "rtsp://u:canary@h/"))
        self.assertNotIn("canary", self.refused(2, "serve", "--data", data, "--camera", "rtsp://u:canary@h/"))
        self.assertNotIn("canary", self.refused(2, "serve", "--data", data, "front=rtsp://u:canary@h/"))
        self.assertIn("rtsp://", self.refused(2, "serve", "--data", data, "--camera", "front=http://h/"))
        self.assertIn("accounts", self.refused(2, "serve", "--data", data, "--listen", "0.0.0.0:8080"))
        self.assertIn("--data", self.refused(2, "serve"))
        self.assertIn("keep", self.refused(2, "serve", "--data", data, "--keep", "soon"))
        self.refused(2, "nonsense")
        config = self.folder / "bad.toml"
        config.write_text('data = "d"\nkep = "7d"\n')
        self.assertIn('did you mean "keep"', self.refused(2, "serve", "--config", config))

    def test_environment_errors_exit_3_and_name_the_thing(self):
        foreign = self.folder / "foreign"
        foreign.mkdir()
        (foreign / "letters.txt").write_text("mine")
        self.assertIn("foreign", self.refused(3, "serve", "--data", foreign, "--listen", "127.0.0.1:0"))
        self.assertEqual(sorted(one.name for one in foreign.iterdir()), ["letters.txt"])
        self.assertIn("nowhere", self.refused(3, "serve", "--data", self.folder / "nowhere" / "deep", "--listen", "127.0.0.1:0"))
        self.refused(3, "serve", "--config", self.folder / "missing.toml")
        self.assertIn("--url", self.refused(3, "recordings", "--url", "http://127.0.0.1:9", "list"))
        self.refused(3, "check", self.folder / "nowhere")
        self.refused(3, "rebuild", self.folder / "nowhere")

    def test_data_folder_that_cannot_be_one_is_named_with_a_way_out(self):
        file = self.folder / "file"
        file.write_text("no folder")
        self.assertIn("is not a folder; name", self.refused(3, "serve", "--data", file, "--camera", "front=rtsp://h/"))
        self.assertIn("--data", self.refused(3, "serve", "--data", "/proc/longtake", "--camera", "front=rtsp://h/"))
        why_not = harness.LoopVolume.why_not()
        if why_not:
            harness.say_loudly(f"full and read-only data folders: {why_not}")
            return
        volume = self.loop_volume(16)
        data = volume.path / "data"
        data.mkdir()
        with open(volume.path / "filler", "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while filler.write(b"x" * 4096):
                    pass
        serve = ("serve", "--data", data, "--listen", "127.0.0.1:0", "--camera", "front=rtsp://h/")
        self.assertIn("make room on that disk", self.refused(3, *serve))
        subprocess.run(["mount", "-o", "remount,ro", volume.path], check=True)
        self.assertIn("let longtake write there", self.refused(3, *serve))

    def test_port_in_use_is_named_before_anything_is_written(self):
        camsim = self.camsim()
        err = self.refused(3, "serve", "--data", self.folder / "data", "--listen", f"127.0.0.1:{camsim.port}")
        self.assertIn(str(camsim.port), err)
        self.assertFalse((self.folder / "data").exists())

    def test_command_line_asks_a_running_server(self):
        camsim = self.camsim()
        recorder = self.recorder(self.folder / "data", {"front": camsim.url("front", "user:canary@")}, ["--min-free", "1%"])
        recorder.wait_until_recorded("front", 2)
        code, out, _ = harness.run_longtake("recordings", "--url", recorder.base, "list")
        self.assertEqual(code, 0)
        self.assertIn("front", out)
        code, out, _ = harness.run_longtake("recordings", "show", "front", "--url", recorder.base)
        self.assertEqual(code, 0)
        self.assertIn("640x360", out)
        self.assertNotIn("canary", out)
        code, _, err = harness.run_longtake("recordings", "show", "nobody", "--url", recorder.base)
        self.assertEqual(code, 3)
        self.assertIn("nobody", err)
        self.assertEqual(recorder.stop(), 0)


if __name__ == "__main__":
    unittest.main()
