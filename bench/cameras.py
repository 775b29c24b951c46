#!/usr/bin/env python3
"""What does recording N cameras cost? longtake, the floor and ffmpeg, in one run, on the same stream.

Cameras of 2 Mbit/s (1080p15 H.264 + AAC) on loopback. The floor receives and writes the bytes and does nothing else;
ffmpeg is one `-c copy` fragmented-MP4 process a camera. CPU is user + system of the recording process(es) only, over a
window after everybody records, in ms per stream-second; the simulated cameras run in a process of their own.

    bench/cameras.py [--cameras 8,64,256] [--seconds 20] [--rounds 3] [--only longtake,floor,ffmpeg]
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
import harness  # noqa: E402

def cpu_s(pids):
    """User and system time, ended threads included, by the kernel's per-process clock: /proc/PID/stat counts in 10 ms,
    a tenth of what the floor uses in a short run."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)


def memory_mib(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private"):
                total += int(line.split()[1])
    return total / 1024


def context_switches(pids):
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for line in (task / "status").read_text().splitlines():
                if "ctxt_switches" in line:
                    total += int(line.split()[1])
    return total


class Window:
    """CPU and memory of some processes over a stretch of time."""

    def __init__(self, pids, seconds):
        begin, cpu, switches = time.monotonic(), cpu_s(pids), context_switches(pids)
        threading.Event().wait(seconds)
        self.length = time.monotonic() - begin
        self.cpu = cpu_s(pids) - cpu
        self.memory = memory_mib(pids)
        self.switches = (context_switches(pids) - switches) / self.length

    def per_stream(self, cameras):
        return self.cpu * 1000 / self.length / cameras


def start_cameras(folder, media, count):
    camsim = harness.Process([str(harness.BUILD / "longtake-camsim"), "--media", f"cam={media},fps=15,copies={count}"])
    port = camsim.wait_for_line(r"listening port=(\d+)").group(1)
    return camsim, [f"rtsp://127.0.0.1:{port}/cam-{index + 1}" for index in range(count)]


def run_floor(folder, urls, seconds, settle):
    process = harness.Process([str(harness.BUILD / "floor"), str(folder), str(int(seconds + settle + 60)), *urls])
    process.wait_for_line("playing", 120)
    threading.Event().wait(settle)
    window = Window([process.child.pid], seconds)
    process.kill()
    return window, {}


def run_ffmpeg(folder, urls, seconds, settle):
    processes = [harness.Process(["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-f", "mp4", "-movflags",
                                  "frag_keyframe+empty_moov", "-y", str(folder / f"{index}.mp4")]) for index, url in enumerate(urls)]
    harness.wait_until(lambda: all((folder / f"{index}.mp4").exists() and (folder / f"{index}.mp4").stat().st_size > 500_000
                                   for index in range(len(urls))), "every ffmpeg to write", 180)
    threading.Event().wait(settle)
    window = Window([process.child.pid for process in processes], seconds)
    for process in processes:
        process.kill()
    return window, {}


def run_longtake(folder, urls, seconds, settle):
    cameras = {f"cam-{index + 1}": url for index, url in enumerate(urls)}
    config = folder / "longtake.toml"
    config.write_text("".join(f'[[camera]]\nname = "{name}"\nurl = "{url}"\n' for name, url in cameras.items()))
    recorder = harness.Recorder(folder / "data", {}, ["--config", str(config), "--min-free", "1%"])
    harness.wait_until(lambda: all(one["state"] == "recording" for one in recorder.get("/api/v1/recordings")["recordings"]),
                       "every camera to record", 180)
    threading.Event().wait(settle)
    window = Window([recorder.child.pid], seconds)
    status = recorder.get("/api/v1/recordings")["recordings"]
    facts = {"packets lost": sum(one["camera"]["packetsLost"] for one in status),
             "reconnects": sum(one["camera"]["reconnects"] for one in status),
             "gaps after start": sum(len(recorder.timeline(one["name"])["gaps"]) - 1 for one in status[:8])}
    if recorder.stop(120) != 0:
        facts["stop"] = "not in order"
    return window, facts


RUNS = {"floor": run_floor, "longtake": run_longtake, "ffmpeg": run_ffmpeg}


def measure(who, count, files, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="longtake-bench-"))
    camsim, urls = start_cameras(folder, files, count)
    try:
        return RUNS[who](folder, urls, options.seconds, options.settle)
    finally:
        camsim.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", default="8,64,256")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--settle", type=float, default=5)
    parser.add_argument("--only", default="floor,longtake,ffmpeg")
    parser.add_argument("--rounds", type=int, default=3, help="taken in turn; the table shows medians")
    options = parser.parse_args()
    media = ROOT / "build" / "bench-media" / "bench.h264"
    if not media.exists():
        subprocess.run([str(ROOT / "sim" / "media" / "make.sh"), "bench"], check=True)
    audio = media.with_suffix(".aac")
    files = f"{media},{audio}" if audio.exists() else str(media)
    contenders = options.only.split(",")
    print(f"{'cameras':>7}  {'who':<9} {'ms CPU / stream-s':>17} {'(all rounds)':>20} {'ratio to floor':>14} {'MiB / camera':>12} "
          f"{'switches/s':>10}  facts of the last round")
    for count in [int(word) for word in options.cameras.split(",")]:
        # In turn, so that a neighbour on the machine is everybody's neighbour.
        windows, facts = {who: [] for who in contenders}, {}
        for _ in range(options.rounds):
            for who in contenders:
                window, facts[who] = measure(who, count, files, options)
                windows[who].append(window)
        costs = {who: [window.per_stream(count) for window in windows[who]] for who in contenders}
        floor = statistics.median(costs["floor"]) if "floor" in costs else None
        for who in contenders:
            cost = statistics.median(costs[who])
            ratio = f"{cost / floor:.2f}" if floor else "-"
            memory = statistics.median(window.memory for window in windows[who]) / count
            switches = statistics.median(window.switches for window in windows[who])
            rounds = " ".join(f"{one:.3f}" for one in costs[who])
            print(f"{count:>7}  {who:<9} {cost:>17.3f} {rounds:>20} {ratio:>14} {memory:>12.2f} {switches:>10.0f}  "
                  f"{', '.join(f'{key}: {value}' for key, value in facts[who].items())}", flush=True)


if __name__ == "__main__":
    main()
