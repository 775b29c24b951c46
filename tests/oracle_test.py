#!/usr/bin/env python3
"""The oracle must find what it is there to find: each test breaks one thing in a recording that is otherwise perfect."""

import json
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402

CAMERA = "front"
START_US = oracle.parse_time("2026-01-31T12:00:00Z")
PICTURE_US = 100_000  # ten pictures a second
TIMESCALE = 90_000


# --- A recorder of our own: as little fragmented MP4 as there can be -------------------------------------------------

def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def init_segment():
    tkhd = box(b"tkhd", struct.pack(">IIIII", 7, 0, 0, 1, 0), bytes(64))
    mdhd = box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, TIMESCALE, 0, 0))
    hdlr = box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide"), bytes(13))
    stsd = box(b"stsd", struct.pack(">II", 0, 1), box(b"avc1", bytes(78)))
    mdia = box(b"mdia", mdhd, hdlr, box(b"minf", box(b"stbl", stsd)))
    trex = box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 0, 0, 0x01010000))
    return box(b"ftyp", b"iso6", bytes(4)) + box(b"moov", box(b"trak", tkhd, mdia), box(b"mvex", trex))


def fragment(samples, first_dts):
    duration = PICTURE_US * TIMESCALE // oracle.MICROSECONDS
    entries = b"".join(struct.pack(">II", duration, len(sample)) for sample in samples)

    def moof(data_offset):
        tfhd = box(b"tfhd", struct.pack(">II", 0x020000, 1))
        tfdt = box(b"tfdt", struct.pack(">IQ", 0x01000000, first_dts))
        trun = box(b"trun", struct.pack(">IIiI", 0x000305, len(samples), data_offset, 0x02000000), entries)
        return box(b"moof", box(b"mfhd", struct.pack(">II", 0, 1)), box(b"traf", tfhd, tfdt, trun))

    return box(b"uuid", bytes(40)) + moof(len(moof(0)) + 8) + box(b"mdat", b"".join(samples))


def escape(raw):
    out = bytearray()
    zeros = 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def wall_of(number):
    return START_US + number * PICTURE_US


def picture(number, camera=CAMERA, content=b"\x65picture"):
    mark = escape(b"\x06\x05\x28" + oracle.MARK_UUID + struct.pack(
        ">QQII", number, wall_of(number), number * 9000, oracle.crc32c(camera.encode())) + b"\x80")
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in (mark, content + str(number).encode()))


class Scene:
    """Pictures 0..39 in two segments of 2 s, all sent and all recorded; tests change one thing and judge."""

    def __init__(self, folder):
        self.folder = folder
        self.sent = {number: picture(number) for number in range(40)}
        self.lost = {}  # packets left out, by picture
        self.segments = [{number: picture(number) for number in range(0, 20)},
                         {number: picture(number) for number in range(20, 40)}]
        self.spans = [(0, 40)]
        self.gaps = []
        self.degraded = []
        self.more_sends = []

    def _interval(self, start, end, reason=None):
        item = {"start": oracle.format_time(wall_of(start)), "end": oracle.format_time(wall_of(end))}
        return dict(item, reason=reason) if reason else item

    def judge(self, allowed=(), steps=(), **tolerances):
        log = os.path.join(self.folder, "sent.log")
        with open(log, "w", encoding="ascii") as file:
            print("# path client number rtp_ts wall_us bytes crc32c key lost sent_us oversize", file=file)
            for number, sample in sorted(list(self.sent.items()) + self.more_sends):
                print(CAMERA, 1, number, number * 9000, wall_of(number), len(sample), "%08x" % oracle.crc32c(sample), 0,
                      self.lost.get(number, 0), wall_of(number) + 500, 0, file=file)
        listed = []
        for index, samples in enumerate(self.segments):
            first = min(samples)
            with open(os.path.join(self.folder, "%d.mp4" % index), "wb") as file:
                file.write(init_segment())
                for number, sample in samples.items():
                    file.write(fragment([sample], round((number - first) * PICTURE_US * TIMESCALE / 1e6)))
            listed.append({"id": index, "start": oracle.format_time(wall_of(first)),
                           "end": oracle.format_time(wall_of(max(samples) + 1)), "state": "closed"})
        with open(os.path.join(self.folder, "segments.json"), "w", encoding="utf-8") as file:
            json.dump({"segments": listed}, file)
        timeline = {"spans": [self._interval(*span) for span in self.spans],
                    "gaps": [self._interval(*gap) for gap in self.gaps],
                    "degraded": [self._interval(*item) for item in self.degraded]}
        values = {"edge": 0.01, "hole": 0.3, "tail": 0.0}
        values.update(tolerances)
        return oracle.judge(log, self.folder, timeline, allowed, oracle.Tolerances(**values), camera=CAMERA,
                            asked=[(wall_of(0), wall_of(40))] if not steps else None, steps=steps)

    def kinds(self, allowed=(), **tolerances):
        return {finding.kind for finding in self.judge(allowed, **tolerances).findings}


class OracleTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.scene = Scene(self._folder.name)

    def tearDown(self):
        self._folder.cleanup()

    def drop(self, *numbers):
        for number in numbers:
            for segment in self.scene.segments:
                segment.pop(number, None)

    def test_a_perfect_recording_has_no_findings(self):
        report = self.scene.judge()
        self.assertEqual([], [str(finding) for finding in report.findings])
        self.assertEqual((40, 40, 0), (report.sent, report.playable, report.lost_explained))

    def test_one_lost_picture_is_found(self):
        self.drop(7)
        self.assertEqual({"lost"}, self.scene.kinds())

    def test_one_altered_byte_is_found(self):
        sample = bytearray(self.scene.segments[0][7])
        sample[-1] ^= 1
        self.scene.segments[0][7] = bytes(sample)
        self.assertEqual({"altered"}, self.scene.kinds())

    def test_a_picture_recorded_twice_is_found(self):
        self.scene.segments[1] = {19.5: picture(19), **self.scene.segments[1]}
        self.assertIn("duplicated", self.scene.kinds())

    def test_a_picture_sent_twice_may_play_twice(self):
        self.scene.segments[1] = {19.5: picture(19), **self.scene.segments[1]}
        self.scene.more_sends = [(19, picture(19))]
        self.assertEqual(set(), self.scene.kinds())

    def test_pictures_in_the_wrong_order_are_found(self):
        one, other = self.scene.segments[0][7], self.scene.segments[0][8]
        self.scene.segments[0][7], self.scene.segments[0][8] = other, one
        self.assertIn("order", self.scene.kinds())

    def test_a_picture_of_another_camera_is_found(self):
        self.scene.segments[0][7] = picture(7, camera="back")
        self.assertIn("foreign", self.scene.kinds())

    def test_a_picture_that_was_never_sent_is_found(self):
        del self.scene.sent[7]
        self.assertEqual({"foreign"}, self.scene.kinds())

    def test_a_picture_without_number_is_found(self):
        self.scene.segments[0][7] = struct.pack(">I", 4) + b"\x65abc"
        self.assertIn("unmarked", self.scene.kinds())

    def test_a_loss_in_a_gap_with_the_right_reason_is_explained_and_counted(self):
        self.drop(5, 6, 7, 8)
        self.scene.spans = [(0, 5), (9, 40)]
        self.scene.gaps = [(5, 9, "camera_disconnected")]
        report = self.scene.judge(["camera_disconnected"])
        self.assertEqual([], [str(finding) for finding in report.findings])
        self.assertEqual(4, report.lost_explained)
        self.assertEqual({"camera_disconnected": 0.4}, report.gap_seconds)

    def test_more_explained_loss_than_allowed_is_found(self):
        self.drop(5, 6, 7, 8)
        self.scene.spans = [(0, 5), (9, 40)]
        self.scene.gaps = [(5, 9, "crash")]
        self.assertEqual({"lost_too_much"}, self.scene.kinds(["crash"], max_lost=3))

    def test_a_gap_with_the_wrong_reason_is_found(self):
        self.drop(5, 6, 7, 8)
        self.scene.spans = [(0, 5), (9, 40)]
        self.scene.gaps = [(5, 9, "disk_full")]
        self.assertEqual({"wrong_reason", "lost"}, self.scene.kinds(["crash"]))

    def test_a_gap_where_pictures_play_is_found(self):
        self.scene.spans = [(0, 5), (9, 40)]
        self.scene.gaps = [(5, 9, "crash")]
        self.assertEqual({"plays_in_gap"}, self.scene.kinds(["crash"]))

    def test_a_span_where_nothing_plays_is_found(self):
        self.drop(*range(5, 12))
        self.assertEqual({"lost", "empty_span"}, self.scene.kinds())

    def test_time_in_neither_span_nor_gap_is_found(self):
        self.drop(5, 6, 7, 8)
        self.scene.spans = [(0, 5), (9, 40)]
        self.assertEqual({"cover", "lost"}, self.scene.kinds())

    def test_overlapping_pieces_are_found(self):
        self.scene.spans = [(0, 21), (20, 40)]
        self.assertEqual({"cover"}, self.scene.kinds())

    def test_a_timeline_that_is_shorter_than_the_time_asked_for_is_found(self):
        self.scene.spans = [(0, 38)]
        self.assertIn("cover", self.scene.kinds())

    def test_a_recording_at_the_wrong_time_is_found(self):
        self.scene.segments = [{number + 15: sample for number, sample in segment.items()} for segment in self.scene.segments]
        self.assertIn("misdated", self.scene.kinds())

    def test_pictures_after_a_step_of_the_clock_are_judged_by_what_it_showed(self):
        # From picture 20 on the recorder's clock is 10 s ahead, which is a hundred pictures.
        self.scene.segments[1] = {number + 100: sample for number, sample in self.scene.segments[1].items()}
        self.scene.spans = [(0, 20), (120, 140)]
        self.scene.gaps = [(20, 120, "clock_step")]
        steps = [(wall_of(20), 10 * oracle.MICROSECONDS)]
        self.assertEqual([], [str(one) for one in self.scene.judge(["clock_step"], steps, clock=0.2).findings])
        self.assertIn("misdated", {one.kind for one in self.scene.judge(["clock_step"], clock=0.2).findings})

    def test_a_clock_set_back_puts_later_pictures_first_and_none_may_be_missing(self):
        self.scene.segments[1] = {number - 100: sample for number, sample in self.scene.segments[1].items()}
        self.scene.spans = [(-80, -60), (0, 20)]
        self.scene.gaps = [(-60, 0, "clock_step")]
        steps = [(wall_of(20), -10 * oracle.MICROSECONDS)]
        self.assertEqual([], [str(one) for one in self.scene.judge(["clock_step"], steps, clock=0.2).findings])
        del self.scene.segments[1][-70]
        self.assertEqual(["lost"], [one.kind for one in self.scene.judge(["clock_step"], steps, clock=0.2).findings])

    def test_what_was_recorded_after_the_timeline_was_fetched_is_no_finding(self):
        self.scene.spans = [(0, 30)]
        self.assertEqual([], [str(finding) for finding in self.scene.judge(asked_edge=1.0).findings])

    def test_a_damaged_picture_in_a_degraded_interval_may_play(self):
        self.scene.lost = {7: 2}
        self.scene.segments[0][7] = picture(7, content=b"\x65half")
        self.scene.degraded = [(0, 10, "packet_loss")]
        self.assertEqual(set(), self.scene.kinds(["packet_loss"]))

    def test_a_damaged_picture_that_nothing_admits_is_found(self):
        self.scene.lost = {7: 2}
        self.scene.segments[0][7] = picture(7, content=b"\x65half")
        self.assertEqual({"silent_damage", "altered"}, self.scene.kinds(["packet_loss"]))

    def test_a_segment_cut_inside_a_fragment_gives_the_whole_ones(self):
        data = init_segment() + fragment([picture(0)], 0) + fragment([picture(1)], 9000)
        _, samples = oracle.read_mp4(data[:-3])
        self.assertEqual([0], [oracle.read_mark(sample.data).number for sample in samples])

    def test_a_mark_with_many_zeros_is_read_through_its_emulation_prevention(self):
        self.assertEqual(oracle.Mark(0, START_US, 0, oracle.crc32c(CAMERA.encode())), oracle.read_mark(picture(0)))

    def test_crc32c_is_the_standard_one(self):
        self.assertEqual(0xE3069283, oracle.crc32c(b"123456789"))
        self.assertEqual(0x8A9136AA, oracle.crc32c(bytes(32)))


if __name__ == "__main__":
    unittest.main()
