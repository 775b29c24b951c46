"""What plays through the public HTTP surface, judged by the oracle and by players that are not ours.

The oracle holds every picture of every HLS media segment against what the simulated camera sent, and its place in time
against when it was taken: over a broken connection, a change of parameters and a restart of the recorder.
"""

import dataclasses
import http.client
import json
import pathlib
import random
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
import one_camera  # noqa: E402
import oracle  # noqa: E402

SMALL = str(harness.MEDIA / "small.h264")


@dataclasses.dataclass
class Part:
    """A line of a media playlist, with what the tags before it say."""
    uri: str
    start: float      # seconds since 1970
    duration: float
    init: str = None
    discontinuity: bool = False
    gap: bool = False


class Playlist:
    def __init__(self, url):
        self.url = url
        with urllib.request.urlopen(url, timeout=30) as answer:
            self.text = answer.read().decode()
        self.parts = []
        self.is_ended = "#EXT-X-ENDLIST" in self.text
        self.children = [line for line in self.text.splitlines() if line and not line.startswith("#")]
        self._read()

    def _read(self):
        init, start, duration, discontinuity, gap = None, None, None, False, False
        for line in self.text.splitlines():
            tag, _, value = line.partition(":")
            if tag == "#EXT-X-MAP":
                init = re.search(r'URI="([^"]+)"', value).group(1)
            elif tag == "#EXT-X-PROGRAM-DATE-TIME":
                start = harness.seconds_of(value)
            elif tag == "#EXTINF":
                duration = float(value.rstrip(","))
            elif tag == "#EXT-X-DISCONTINUITY":
                discontinuity = True
            elif tag == "#EXT-X-GAP":
                gap = True
            elif line and not line.startswith("#") and duration is not None:
                self.parts.append(Part(self.at(line), start, duration, init and self.at(init), discontinuity, gap))
                duration, discontinuity, gap = None, False, False

    def at(self, uri):
        return urllib.parse.urljoin(self.url, uri)

    def number(self, tag):
        return int(re.search(rf"#{tag}:(\d+)", self.text).group(1))


class HlsSegments:
    """A recording as a player sees it, for the oracle: media segments and timeline over HTTP."""

    def __init__(self, recorder, name, start, end):
        self._recorder, self._name = recorder, name
        query = urllib.parse.urlencode({"from": harness.utc(start), "to": harness.utc(end)})
        self.master = Playlist(f"{recorder.base}/api/v1/recordings/{name}/hls.m3u8?{query}")
        self.video = Playlist(self.master.at(self.master.children[0]))

    def timeline(self):
        return self._recorder.get(f"/api/v1/recordings/{self._name}/timeline")

    def list(self):
        return [{"id": f"{part.init} {part.uri}", "start": harness.utc(part.start)} for part in self.video.parts]

    def read(self, one):
        return b"".join(fetch(url) for url in one.split())


def fetch(url, headers=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=30) as answer:
        return answer.read()


def count_pictures(url, what="v:0"):
    """Pictures that ffmpeg decodes, and whatever it complains of."""
    run = subprocess.run(["ffprobe", "-v", "warning", "-select_streams", what, "-count_frames", "-of", "json",
                          "-show_entries", "stream=nb_read_frames,start_time", url],
                         capture_output=True, text=True, timeout=harness.HANG_GUARD_S)
    streams = json.loads(run.stdout)["streams"]
    return int(streams[0]["nb_read_frames"]), run.stderr


def decoded(url, *options):
    """[(presentation time in seconds, digest)] of each picture that ffmpeg shows, and its complaints."""
    run = subprocess.run(["ffmpeg", "-v", "warning", *options, "-i", url, "-map", "0:v", "-fps_mode", "passthrough",
                          "-enc_time_base", "1:90000", "-f", "framemd5", "-"],
                         capture_output=True, text=True, timeout=harness.HANG_GUARD_S)
    base = re.search(r"#tb 0: (\d+)/(\d+)", run.stdout)
    ticks = int(base.group(1)) / int(base.group(2))
    rows = [line.split(",") for line in run.stdout.splitlines() if line and not line.startswith("#")]
    return [(int(row[2]) * ticks, row[5].strip()) for row in rows], run.stderr


class PlaybackTest(one_camera.OneCameraTest):
    def judge_hls(self, recorder, camsim, start, reasons=()):
        source = HlsSegments(recorder, "front", start, time.time() + 1)
        report = oracle.judge(camsim.sent_log, source, None, one_camera.START + tuple(reasons),
                              oracle.Tolerances(tail=4.0), camera="front",
                              before_log=lambda: camsim.command("sync"))
        self.assertTrue(report.ok, report.text())
        return source

    def test_every_picture_plays_across_a_gap_a_change_of_size_and_a_restart(self):
        camsim = self.camsim(media=(f"front=front.h264,front.aac,fps=30",))
        data, began = self.folder / "data", time.time()
        recorder = self.start(data, camsim)
        recorder.wait_until_recorded("front", 8)
        camsim.command("front drop")
        recorder.wait_until_recorded("front", 8, since=time.time())
        camsim.command(f"front params alternate {SMALL}")
        recorder.wait_until_recorded("front", 12, since=time.time())
        recorder.stop()
        recorder = self.start(data, camsim)
        recorder.wait_until_recorded("front", 8, since=time.time())
        recorder.wait_until_ready()

        source = self.judge_hls(recorder, camsim, began - 1, ("packet_loss", "audio_lost", "operator_stop", "config_change"))
        self.assertTrue(any(part.discontinuity for part in source.video.parts), source.video.text)
        self.assertGreater(len({part.init for part in source.video.parts}), 1, "a change of size is another init")
        self._each_part_tells_utc(source.video)

    def _each_part_tells_utc(self, playlist):
        for part in playlist.parts:
            _, samples = oracle.read_mp4(fetch(part.init) + fetch(part.uri))
            first = min(sample.pts / sample.track.timescale for sample in samples)
            self.assertAlmostEqual(first, part.start, delta=0.002, msg=part.uri)

    def test_ffmpeg_plays_all_of_it_with_sound_in_step(self):
        camsim = self.camsim()
        began = time.time()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 12)
        source = HlsSegments(recorder, "front", began - 1, time.time())
        expected = 0
        for part in source.video.parts:
            expected += len(oracle.read_mp4(fetch(part.init) + fetch(part.uri))[1])
        pictures, complaints = count_pictures(source.master.url)
        self.assertEqual((pictures, complaints), (expected, ""))
        sound, complaints = count_pictures(source.master.url, "a:0")
        self.assertEqual(complaints, "")
        # 15 pictures and 46.875 frames of sound a second; sound is cut in seconds, not where the picture is.
        self.assertAlmostEqual(sound / 46.875, pictures / 15, delta=1.1)

    def test_a_live_list_slides_and_its_parts_keep_their_numbers(self):
        camsim = self.camsim()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 8)
        url = f"{recorder.base}/api/v1/recordings/front/hls/video.m3u8"
        first = Playlist(url)
        self.assertFalse(first.is_ended)
        number = first.number("EXT-X-MEDIA-SEQUENCE")
        known = {part.uri: number + i for i, part in enumerate(first.parts)}

        def later():
            playlist = Playlist(url)
            return playlist if len(playlist.parts) >= len(first.parts) + 2 else None
        second = harness.wait_until(later, "two more parts")
        number = second.number("EXT-X-MEDIA-SEQUENCE")
        for i, part in enumerate(second.parts):
            if part.uri in known:
                self.assertEqual(known[part.uri], number + i, part.uri)
        self.assertTrue(set(known) & {part.uri for part in second.parts})

    def test_media_may_be_cached_for_ever_and_says_so(self):
        camsim = self.camsim()
        began = time.time()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 6)
        part = HlsSegments(recorder, "front", began, time.time()).video.parts[0]
        for url, kind in ((part.uri, "video/iso.segment"), (part.init, "video/mp4")):
            with urllib.request.urlopen(url, timeout=30) as answer:
                self.assertEqual(answer.headers["Content-Type"], kind)
                self.assertIn("immutable", answer.headers["Cache-Control"])
                tag = answer.headers["ETag"]
            with self.assertRaises(urllib.error.HTTPError) as caught:
                fetch(url, {"If-None-Match": tag})
            self.assertEqual(caught.exception.code, 304)

    def test_bad_ranges_have_their_status_and_their_sentence(self):
        camsim = self.camsim()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 4)
        hour = 3600
        now = time.time()
        for query, status, words in (
                ({"from": harness.utc(now), "to": harness.utc(now - hour)}, 400, "not before"),
                ({"to": harness.utc(now)}, 400, "goes with"),
                ({"from": harness.utc(now - 25 * hour), "to": harness.utc(now)}, 400, "24 h"),
                ({"from": harness.utc(now + hour)}, 400, "future"),
                ({"from": harness.utc(now - 3 * hour), "to": harness.utc(now - 2 * hour)}, 404, "footage from"),
                ({"from": "yesterday"}, 400, "from"),
                ({"since": "x"}, 400, "query parameter")):
            status_seen, _, body = recorder.raw("/api/v1/recordings/front/hls.m3u8?" + urllib.parse.urlencode(query))
            self.assertEqual(status_seen, status, query)
            self.assertIn(words, json.loads(body)["error"]["message"] + str(json.loads(body)["error"]["details"]), query)
        for path in ("none/hls.m3u8", "front/hls/data.m3u8", "front/init/0123456789abcdef.mp4", "front/media/1/1/0-1.m4s",
                     "front/media/x/1/0-1.m4s", "front/media/1/1/1-0.m4s"):
            self.assertEqual(recorder.raw("/api/v1/recordings/" + path)[0], 404, path)

    def test_a_clip_shows_what_ffmpeg_cuts_from_the_playlist_picture_by_picture(self):
        camsim = self.camsim(media=("front=reorder.h264,front.aac,fps=15",))
        began = time.time()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 8)
        camsim.command("front drop")
        recorder.wait_until_recorded("front", 8, since=time.time())
        whole = HlsSegments(recorder, "front", began - 1, time.time())
        pictures, complaints = decoded(whole.master.url, "-copyts")
        self.assertEqual(complaints, "")
        randomness = random.Random(20)
        for _ in range(20):
            start = randomness.uniform(pictures[0][0], pictures[-1][0] - 2)
            end = min(start + randomness.uniform(0.2, 6), pictures[-1][0])
            url = f"{recorder.base}/api/v1/recordings/front/clip.mp4?" + urllib.parse.urlencode(
                {"from": harness.utc(start), "to": harness.utc(end)})
            start, end = harness.seconds_of(harness.utc(start)), harness.seconds_of(harness.utc(end))
            shown, complaints = decoded(url)
            self.assertEqual(complaints, "", url)
            wanted = [digest for at, digest in pictures if start <= at < end]
            digests = [digest for _, digest in shown]
            # At a border a rounded tick may give the picture that ends or begins there.
            self.assertIn(len(digests) - len(wanted), (-1, 0, 1), url)
            # The camera sends its pictures in a loop: the clip's first one is the one of that time.
            first = next((i for i, (at, digest) in enumerate(pictures)
                          if abs(at - start) < 0.1 and digest == digests[0]), None)
            if first is None:  # the range begins in the gap
                first = next(i for i, (at, _) in enumerate(pictures) if at >= start)
            self.assertEqual(digests, [digest for _, digest in pictures][first:first + len(digests)], url)

    def test_parts_of_a_clip_make_the_whole(self):
        camsim = self.camsim()
        began = time.time()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 9)
        path = "/api/v1/recordings/front/clip.mp4?" + urllib.parse.urlencode(
            {"from": harness.utc(began + 3), "to": harness.utc(began + 8)})
        status, headers, whole = recorder.raw(path)
        self.assertEqual((status, int(headers["Content-Length"])), (200, len(whole)))
        self.assertIn("attachment; filename=\"front_", headers["Content-Disposition"])
        status, head, nothing = recorder.raw(path, method="HEAD")
        self.assertEqual((status, head["Content-Length"], nothing), (200, headers["Content-Length"], b""))
        got, randomness = b"", random.Random(4)
        while len(got) < len(whole):
            last = min(len(got) + randomness.randrange(1, 60_000), len(whole)) - 1
            status, _, part = recorder.raw(path, {"Range": f"bytes={len(got)}-{last}", "If-Range": headers["ETag"]})
            self.assertEqual(status, 206)
            got += part
        self.assertTrue(got == whole, "the parts are other bytes than the whole")
        self.assertEqual(recorder.raw(path, {"Range": "bytes=0-9", "If-Range": '"other"'})[0], 200)
        self.assertEqual(recorder.raw(path, {"If-None-Match": headers["ETag"]})[0], 304)

    def test_a_clip_across_a_change_of_size_names_the_ranges_that_work(self):
        camsim = self.camsim(media=("front=front.h264,fps=30",))
        began = time.time()
        recorder = self.start(self.folder / "data", camsim)
        recorder.wait_until_recorded("front", 4)
        camsim.command(f"front params alternate {SMALL}")
        recorder.wait_until_recorded("front", 12, since=time.time())
        path = "/api/v1/recordings/front/clip.mp4?"
        status, _, body = recorder.raw(path + urllib.parse.urlencode(
            {"from": harness.utc(began), "to": harness.utc(time.time())}))
        self.assertEqual(status, 409, body)
        ranges = json.loads(body)["error"]["details"]
        self.assertGreater(len(ranges), 1)
        for one in ranges:
            start, end = one.split("/")
            status, _, clip = recorder.raw(path + urllib.parse.urlencode({"from": start, "to": end}))
            self.assertEqual(status, 200, one + clip[:300].decode(errors="replace"))

    def test_ret01_retention_deletes_what_is_being_watched_and_exported(self):
        """Each answer is whole and right, or says that it is gone; the recorder goes on."""
        races = 10_000 if harness.LONG else 500
        camsim = self.camsim(media=("front=front.h264,front.aac,fps=60",))
        began = time.time()
        # About five files of three seconds: each race touches some that are about to go.
        recorder = self.start(self.folder / "data", camsim, ["--max-total-size", "2MiB"])
        harness.wait_until(lambda: recorder.deleted_bytes() > 0, "retention to begin")
        begun = recorder.deleted_bytes()
        whole, gone, randomness = 0, 0, random.Random(1)
        # Retention looks once a minute: until it has taken something away while we watched.
        while whole + gone < races or recorder.deleted_bytes() == begun:
            self.assertLess(whole + gone, 100 * races, "retention takes nothing away")
            try:
                source = HlsSegments(recorder, "front", max(began, time.time() - 3600), time.time())
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 404)
                continue
            first = source.video.parts[0]
            query = urllib.parse.urlencode({"from": harness.utc(first.start),
                                            "to": harness.utc(source.video.parts[-1].start)})
            for path in [part.uri for part in source.video.parts[:4]] + [source.master.at("clip.mp4?" + query)]:
                threading.Event().wait(randomness.uniform(0, 0.02))  # another moment of the deletion
                try:
                    body = fetch(path)
                    self.assertIn(body[4:8], (b"moof", b"ftyp"), path)
                    if body[4:8] == b"moof":
                        oracle.read_mp4(fetch(first.init) + body)
                    whole += 1
                except urllib.error.HTTPError as error:
                    self.assertIn(error.code, (404, 503), path)
                    gone += 1
                except http.client.IncompleteRead:
                    gone += 1
        self.assertTrue(recorder.is_running())
        self.assertGreater(recorder.deleted_bytes(), begun)
        print(f"RET-01: {whole} answers whole, {gone} told gone")
        recorder.stop()
        harness.check_folder(self.folder / "data")


if __name__ == "__main__":
    unittest.main()
