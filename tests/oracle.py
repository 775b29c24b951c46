#!/usr/bin/env python3
"""The oracle: does a recording hold what the simulated camera sent, and is every missing moment explained?

longtake-camsim numbers each picture it sends (an SEI in the picture) and keeps a log of them. The oracle fetches the
segments and the timeline of a recording, takes the MP4 files apart with a parser of its own (nothing of longtake's is
used), and holds one against the other. It knows nothing of how longtake works, only what it promises:

  * every playable picture is, byte for byte, a picture that was sent (access unit delimiters dropped), and plays as
    often as it was sent at most;
  * every picture that was sent and does not play lies in a gap or degraded interval with a reason the test expects;
  * spans and gaps do not overlap and leave nothing out; what lies in a span plays, what lies in a gap does not;
  * a picture's place on the timeline is when it was taken.

As a library: judge(sent_log, segments, timeline, allowed_reasons, tolerances) -> Report.
As a program: oracle.py --help. Exit 0: no findings; 1: findings; 2: usage; 3: something could not be read.

Only the Python standard library is used.
"""

import argparse
import bisect
import collections
import dataclasses
import datetime
import json
import os
import struct
import sys
import urllib.parse
import urllib.request

MARK_UUID = b"longtake-camsim1"
SEI_NAL = 6
AUD_NAL = 9
MICROSECONDS = 1_000_000


# --- CRC-32C, as the sent log has it -------------------------------------------------------------------------------

def _crc32c_tables():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    tables = [table]
    for _ in range(7):
        last = tables[-1]
        tables.append([table[value & 0xFF] ^ value >> 8 for value in last])
    return tables


_TABLES = _crc32c_tables()


def crc32c(data):
    """CRC-32C (Castagnoli) of bytes, eight at a time."""
    t0, t1, t2, t3, t4, t5, t6, t7 = _TABLES
    crc = 0xFFFFFFFF
    whole = len(data) // 8 * 8
    for low, high in struct.iter_unpack("<II", data[:whole]):
        low ^= crc
        crc = (t7[low & 0xFF] ^ t6[low >> 8 & 0xFF] ^ t5[low >> 16 & 0xFF] ^ t4[low >> 24]
               ^ t3[high & 0xFF] ^ t2[high >> 8 & 0xFF] ^ t1[high >> 16 & 0xFF] ^ t0[high >> 24])
    for byte in data[whole:]:
        crc = t0[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# --- Fragmented MP4 -------------------------------------------------------------------------------------------------

class BrokenFile(Exception):
    """A file that is not what its place says it is."""


@dataclasses.dataclass
class Track:
    track_id: int
    handler: str
    timescale: int
    codec: str


@dataclasses.dataclass
class Sample:
    track: Track
    dts: int  # ticks of the track, from the file's start
    pts: int
    duration: int
    data: bytes
    is_sync: bool


def boxes(data, start, end):
    """Yields (type, payload start, box end); a box that runs over the end stops the walk, as a torn file does."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            if start + 16 > end:
                return
            size = struct.unpack_from(">Q", data, start + 8)[0]
            header = 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            return
        yield kind.decode("latin-1"), start + header, start + size
        start += size


def child(data, start, end, *path):
    """The (start, end) of the first box at a path below, or None."""
    for name in path:
        found = next(((s, e) for kind, s, e in boxes(data, start, end) if kind == name), None)
        if found is None:
            return None
        start, end = found
    return start, end


def _read_track(data, start, end):
    tkhd = child(data, start, end, "tkhd")
    mdhd = child(data, start, end, "mdia", "mdhd")
    hdlr = child(data, start, end, "mdia", "hdlr")
    stsd = child(data, start, end, "mdia", "minf", "stbl", "stsd")
    if not (tkhd and mdhd and hdlr and stsd):
        raise BrokenFile("a trak without tkhd, mdhd, hdlr or stsd")
    track_id = struct.unpack_from(">I", data, tkhd[0] + (20 if data[tkhd[0]] == 1 else 12))[0]
    timescale = struct.unpack_from(">I", data, mdhd[0] + (20 if data[mdhd[0]] == 1 else 12))[0]
    handler = data[hdlr[0] + 8:hdlr[0] + 12].decode("latin-1")
    codec = data[stsd[0] + 12:stsd[0] + 16].decode("latin-1")
    return Track(track_id, handler, timescale, codec)


def _read_traf(data, moof_at, start, end, tracks, defaults, out):
    tfhd = child(data, start, end, "tfhd")
    if not tfhd:
        raise BrokenFile("a traf without tfhd")
    flags, track_id = struct.unpack_from(">II", data, tfhd[0])
    flags &= 0xFFFFFF
    at = tfhd[0] + 8
    base = moof_at
    if flags & 0x1:
        base = struct.unpack_from(">Q", data, at)[0]
        at += 8
    default = dict(defaults.get(track_id, {}))
    for bit, name in ((0x2, "description"), (0x8, "duration"), (0x10, "size"), (0x20, "flags")):
        if flags & bit:
            default[name] = struct.unpack_from(">I", data, at)[0]
            at += 4
    tfdt = child(data, start, end, "tfdt")
    dts = 0
    if tfdt:
        dts = struct.unpack_from(">Q" if data[tfdt[0]] == 1 else ">I", data, tfdt[0] + 4)[0]
    for kind, run, run_end in boxes(data, start, end):
        if kind == "trun":
            dts = _read_trun(data, run, run_end, base, dts, tracks[track_id], default, out)


def _read_trun(data, at, end, base, dts, track, default, out):
    version = data[at]
    flags = struct.unpack_from(">I", data, at)[0] & 0xFFFFFF
    count = struct.unpack_from(">I", data, at + 4)[0]
    at += 8
    position = base
    if flags & 0x1:
        position = base + struct.unpack_from(">i", data, at)[0]
        at += 4
    first_flags = None
    if flags & 0x4:
        first_flags = struct.unpack_from(">I", data, at)[0]
        at += 4
    for index in range(count):
        values = dict(default)
        values["offset"] = 0
        for bit, name, form in ((0x100, "duration", ">I"), (0x200, "size", ">I"), (0x400, "flags", ">I"),
                                (0x800, "offset", ">i" if version else ">I")):
            if flags & bit:
                if at + 4 > end:
                    raise BrokenFile("a trun that is too short for its samples")
                values[name] = struct.unpack_from(form, data, at)[0]
                at += 4
        if index == 0 and first_flags is not None:
            values["flags"] = first_flags
        size = values.get("size", 0)
        if position + size > len(data):
            raise BrokenFile("a sample that ends behind the file")
        out.append(Sample(track, dts, dts + values["offset"], values.get("duration", 0),
                          bytes(data[position:position + size]), not values.get("flags", 0) & 0x10000))
        dts += values.get("duration", 0)
        position += size
    return dts


def read_mp4(data):
    """(tracks by id, samples in file order) of a fragmented MP4; a fragment torn at the end is left out."""
    tracks = {}
    defaults = {}
    samples = []
    moof = None
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == "moov":
            for inner, s, e in boxes(data, start, end):
                if inner == "trak":
                    track = _read_track(data, s, e)
                    tracks[track.track_id] = track
                elif inner == "mvex":
                    for trex, x, _ in boxes(data, s, e):
                        if trex == "trex":
                            track_id, _, duration, size, flags = struct.unpack_from(">IIIII", data, x + 4)
                            defaults[track_id] = {"duration": duration, "size": size, "flags": flags}
        elif kind == "moof":
            moof = (start, end)
        elif kind == "mdat" and moof:
            for inner, s, e in boxes(data, *moof):
                if inner == "traf":
                    _read_traf(data, moof[0] - 8, s, e, tracks, defaults, samples)
            moof = None
    if not tracks:
        raise BrokenFile("no moov with tracks")
    return tracks, samples


# --- The mark in each picture ----------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Mark:
    number: int
    wall_us: int
    rtp_timestamp: int
    camera: int


def nal_units(sample):
    """The NAL units of a sample with four-byte lengths."""
    at = 0
    while at + 4 <= len(sample):
        size = struct.unpack_from(">I", sample, at)[0]
        if at + 4 + size > len(sample):
            raise BrokenFile("a NAL unit that ends behind its sample")
        yield sample[at + 4:at + 4 + size]
        at += 4 + size


def unescape(nal):
    """Without emulation prevention bytes."""
    out = bytearray()
    zeros = 0
    for byte in nal:
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def read_mark(sample):
    """The camera's mark in a sample, or None."""
    for nal in nal_units(sample):
        if len(nal) > 19 and nal[0] & 0x1F == SEI_NAL and nal[3:19] == MARK_UUID:
            raw = unescape(nal)
            if len(raw) >= 43:
                return Mark(*struct.unpack_from(">QQII", raw, 19))
    return None


# --- What was sent, what is recorded ---------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Sent:
    client: int
    number: int
    rtp_timestamp: int
    wall_us: int
    size: int
    crc: int
    is_key: bool
    lost: int
    sent_us: int
    is_oversize: bool


def load_sent_log(path, camera, clients=None):
    """The pictures sent of one camera, in the order they were sent; a torn last line is ignored."""
    sent = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if not line.endswith("\n") or len(words) != 11 or words[0] != camera:
                continue
            one = Sent(int(words[1]), int(words[2]), int(words[3]), int(words[4]), int(words[5]), int(words[6], 16),
                       words[7] == "1", int(words[8]), int(words[9]), words[10] == "1")
            if clients is None or one.client in clients:
                sent.append(one)
    return sent


@dataclasses.dataclass
class Played:
    """One picture (or, without mark, something on a video track) found in a segment."""
    segment: str
    wall_us: int  # where the recording says it belongs
    size: int
    crc: int
    mark: object


def parse_time(text):
    """UTC in ISO 8601 -> microseconds since 1970."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc))
                 / datetime.timedelta(microseconds=1))


def format_time(wall_us):
    moment = datetime.datetime.fromtimestamp(wall_us / MICROSECONDS, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class HttpSegments:
    """Segments of a running server: GET /api/v1/recordings/{name}/segments and /segments/{id}.mp4."""

    def __init__(self, base_url, recording, start=None, end=None, timeout=30):
        self._root = "%s/api/v1/recordings/%s" % (base_url.rstrip("/"), urllib.parse.quote(recording))
        self._range = {key: value for key, value in (("from", start), ("to", end)) if value}
        self._timeout = timeout

    def _get(self, path, query=None):
        url = self._root + path + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(url, timeout=self._timeout) as answer:
            return answer.read()

    def timeline(self):
        return json.loads(self._get("/timeline", self._range))

    def list(self):
        return json.loads(self._get("/segments", self._range))["segments"]

    def read(self, segment_id):
        return self._get("/segments/%s.mp4" % urllib.parse.quote(str(segment_id)))


class FolderSegments:
    """Segments in a folder: segments.json as the server answers it, and {id}.mp4 beside it."""

    def __init__(self, folder):
        self._folder = folder

    def timeline(self):
        with open(os.path.join(self._folder, "timeline.json"), encoding="utf-8") as file:
            return json.load(file)

    def list(self):
        with open(os.path.join(self._folder, "segments.json"), encoding="utf-8") as file:
            return json.load(file)["segments"]

    def read(self, segment_id):
        with open(os.path.join(self._folder, "%s.mp4" % segment_id), "rb") as file:
            return file.read()


def open_segments(where, recording=None):
    """A folder, the URL of a server (with the recording's name), or an object that already is one of the two."""
    if not isinstance(where, str):
        return where
    if where.startswith("http://"):
        return HttpSegments(where, recording)
    return FolderSegments(where)


def load_played(source, add_finding):
    """Every video sample of every segment, by segment start."""
    played = []
    for segment in sorted(source.list(), key=lambda one: parse_time(one["start"])):
        name = str(segment["id"])
        try:
            _, samples = read_mp4(source.read(name))
            video = [sample for sample in samples if sample.track.handler == "vide"]
            start_us = parse_time(segment["start"])
            first = min((sample.pts for sample in video), default=0)
            for sample in video:
                wall_us = start_us + (sample.pts - first) * MICROSECONDS // sample.track.timescale
                played.append(Played(name, wall_us, len(sample.data), crc32c(sample.data), read_mark(sample.data)))
        except (BrokenFile, struct.error, KeyError) as error:
            add_finding("broken_segment", "segment %s: %s" % (name, error))
    return played


# --- Judging ---------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Tolerances:
    """Seconds, unless the name says otherwise."""
    edge: float = 0.15          # how far a picture may lie outside the gap that explains it, and inside a gap it plays in
    clock: float = 1.0          # how far a picture's place may be from when it was taken
    hole: float = 1.0           # a silence inside a span that needs no gap
    tail: float = 2.0           # sent this shortly before the end: may still be on its way to disk
    asked_edge: float = 0.0     # how far spans + gaps may differ from the time asked for
    max_lost: int = None        # sent whole, explained, and not playable: at most so many pictures


@dataclasses.dataclass(frozen=True)
class Finding:
    kind: str
    message: str

    def __str__(self):
        return "%s: %s" % (self.kind, self.message)


@dataclasses.dataclass
class Report:
    findings: list
    sent: int = 0            # different pictures sent inside the judged time
    playable: int = 0
    lost_explained: int = 0  # sent whole, not playable, and in a gap or degraded interval that may be there
    gap_seconds: dict = dataclasses.field(default_factory=dict)  # by reason
    degraded_seconds: dict = dataclasses.field(default_factory=dict)

    @property
    def ok(self):
        return not self.findings

    def text(self):
        lines = ["sent %d, playable %d, lost and explained %d" % (self.sent, self.playable, self.lost_explained)]
        lines += ["gap %s %.3f s" % item for item in sorted(self.gap_seconds.items())]
        lines += ["degraded %s %.3f s" % item for item in sorted(self.degraded_seconds.items())]
        lines += ["FINDING %s" % finding for finding in self.findings]
        return "\n".join(lines)


class Intervals:
    """Half-open stretches of a timeline, in microseconds."""

    def __init__(self, items):
        self.items = sorted((parse_time(one["start"]), parse_time(one["end"]), one.get("reason")) for one in items)
        self._starts = [item[0] for item in self.items]

    def near(self, wall_us, margin_us):
        """The first that contains the moment, widened by a margin (narrowed by a negative one)."""
        last = bisect.bisect_right(self._starts, wall_us + max(margin_us, 0))
        for start, end, reason in reversed(self.items[:last]):
            if start - margin_us <= wall_us < end + margin_us:
                return start, end, reason
        return None

    def seconds_by_reason(self):
        total = collections.defaultdict(float)
        for start, end, reason in self.items:
            total[reason] += (end - start) / MICROSECONDS
        return dict(total)


class _Judge:
    MAX_EACH = 20  # findings of one kind; the rest are counted

    def __init__(self, sent, played, timeline, allowed, tolerances, report, steps=()):
        self.sent = sent
        self._step_times = [at_us for at_us, _ in steps]
        self.played = played
        self.spans = Intervals(timeline["spans"])
        self.gaps = Intervals(timeline["gaps"])
        self.degraded = Intervals(timeline.get("degraded", []))
        pieces = self.spans.items + self.gaps.items
        self.first_us = min((start for start, _, _ in pieces), default=0)
        self.last_us = max((end for _, end, _ in pieces), default=0)
        self.allowed = set(allowed)
        self.tolerances = tolerances
        self.report = report
        self._counts = collections.Counter()
        self.by_number = collections.defaultdict(list)
        for one in sent:
            self.by_number[one.number].append(one)

    def find(self, kind, message):
        self._counts[kind] += 1
        if self._counts[kind] <= self.MAX_EACH:
            self.report.findings.append(Finding(kind, message))

    def us(self, seconds):
        return round(seconds * MICROSECONDS)

    def explained(self, wall_us):
        """Whether a gap or degraded interval with an allowed reason holds this moment."""
        margin = self.us(self.tolerances.edge)
        for intervals in (self.gaps, self.degraded):
            found = intervals.near(wall_us, margin)
            if found and found[2] in self.allowed:
                return True
        return False

    def judge_reasons(self):
        for what, intervals in (("gap", self.gaps), ("degraded", self.degraded)):
            for start, end, reason in intervals.items:
                if reason not in self.allowed:
                    self.find("wrong_reason", "%s %s .. %s says %s; expected one of: %s" % (
                        what, format_time(start), format_time(end), reason, ", ".join(sorted(self.allowed)) or "none"))

    def judge_cover(self, asked):
        """Spans and gaps are the time asked for: no hole, no overlap."""
        pieces = sorted([(start, end, "span") for start, end, _ in self.spans.items]
                        + [(start, end, "gap") for start, end, _ in self.gaps.items])
        for start, end, what in pieces:
            if end <= start:
                self.find("cover", "the %s at %s is empty" % (what, format_time(start)))
        if asked is None:
            asked = [(pieces[0][0], pieces[-1][1])] if pieces else []
        slack = self.us(self.tolerances.asked_edge)
        for asked_start, asked_end in asked:
            inside = [one for one in pieces if one[1] > asked_start and one[0] < asked_end]
            if not inside:
                self.find("cover", "nothing answers for %s .. %s" % (format_time(asked_start), format_time(asked_end)))
                continue
            if abs(inside[0][0] - asked_start) > slack:
                self.find("cover", "begins at %s, asked from %s" % (format_time(inside[0][0]), format_time(asked_start)))
            if abs(inside[-1][1] - asked_end) > slack:
                self.find("cover", "ends at %s, asked until %s" % (format_time(inside[-1][1]), format_time(asked_end)))
            for before, after in zip(inside, inside[1:]):
                if before[1] != after[0]:
                    self.find("cover", "%s until %s, then %s from %s: %s" % (
                        before[2], format_time(before[1]), after[2], format_time(after[0]),
                        "overlap" if before[1] > after[0] else "unexplained time"))

    def judge_played(self, camera_id):
        """Each playable picture was sent so, at most as often, in order, then."""
        times = collections.Counter()
        previous = None
        for one in self.played:
            mark = one.mark
            if mark is None:
                if not self.explained(one.wall_us):
                    self.find("unmarked", "segment %s at %s: a picture without number" % (one.segment, format_time(one.wall_us)))
                continue
            sends = self.by_number.get(mark.number)
            where = "picture %d in segment %s at %s" % (mark.number, one.segment, format_time(one.wall_us))
            if mark.camera != camera_id or not sends:
                self.find("foreign", where + (": of another camera" if mark.camera != camera_id else ": was never sent"))
                continue
            times[mark.number] += 1
            if times[mark.number] == len(sends) + 1:
                self.find("duplicated", "%s: sent %d times, plays more often" % (where, len(sends)))
            # By the recorder's clock, which is the order of their numbers unless it was set back.
            at = (sends[0].wall_us, mark.number)
            if previous is not None and at <= previous and len(sends) < 2 and not self._is_at_step(mark):
                self.find("order", "%s: after picture %d" % (where, previous[1]))
            previous = at
            self._judge_bytes(one, sends, where)
            self._judge_place(one, sends[0].wall_us, where)
        self.report.playable = len(times)
        return times

    def _judge_bytes(self, one, sends, where):
        if any(one.size == sent.size and one.crc == sent.crc for sent in sends):
            return
        if any(sent.lost for sent in sends) and self.explained(one.wall_us):
            return
        self.find("altered", "%s: %d bytes crc %08x, sent %d bytes crc %08x" % (
            where, one.size, one.crc, sends[-1].size, sends[-1].crc))

    def _is_at_step(self, mark):
        """Taken so near a step of the clock that either time of day may be its own."""
        return any(abs(mark.wall_us - at_us) <= self.us(self.tolerances.clock) for at_us in self._step_times)

    def _judge_place(self, one, taken_us, where):
        margin = self.us(self.tolerances.edge)
        # A segment may begin before the time asked for, and grow after the timeline was fetched.
        if not self.first_us <= one.wall_us < self.last_us:
            return
        if self.gaps.near(one.wall_us, -margin):
            self.find("plays_in_gap", where + ": the timeline calls this a gap")
        elif not self.spans.near(one.wall_us, margin) and not self.gaps.near(one.wall_us, margin):
            self.find("outside", where + ": neither in a span nor in a gap")
        off = (one.wall_us - taken_us) / MICROSECONDS
        if abs(off) > self.tolerances.clock and not self._is_at_step(one.mark):
            self.find("misdated", "%s: taken %+.3f s from there, at %s" % (where, -off, format_time(taken_us)))

    def judge_lost(self, times, until_us):
        """Each picture sent and not playable is explained; each sent damaged is admitted."""
        lost = 0
        for number, sends in sorted(self.by_number.items()):
            wall_us = sends[0].wall_us
            if wall_us >= until_us:
                continue
            self.report.sent += 1
            is_explained = self.explained(wall_us)
            if times[number] and all(sent.lost for sent in sends) and not is_explained:
                self.find("silent_damage", "picture %d at %s: %d packets never came, and nothing says so" % (
                    number, format_time(wall_us), sends[0].lost))
            if times[number]:
                continue
            if not is_explained:
                self.find("lost", "picture %d taken at %s: sent, not playable, in no gap or degraded interval that "
                          "may be there" % (number, format_time(wall_us)))
            elif any(not sent.lost and not sent.is_oversize for sent in sends):
                lost += 1
        self.report.lost_explained = lost
        limit = self.tolerances.max_lost
        if limit is not None and lost > limit:
            self.find("lost_too_much", "%d pictures were sent whole and do not play; at most %d may" % (lost, limit))

    def judge_spans(self):
        """A span is full of pictures."""
        walls = sorted(one.wall_us for one in self.played)
        limit = self.us(self.tolerances.hole)
        for start, end, _ in self.spans.items:
            inside = walls[bisect.bisect_left(walls, start - limit):bisect.bisect_right(walls, end)]
            edges = [start] + [wall for wall in inside if wall >= start] + [end]
            for before, after in zip(edges, edges[1:]):
                slack = self.us(self.tolerances.tail if after == self.last_us else self.tolerances.edge)
                if after - before > limit + slack:
                    self.find("empty_span", "%s .. %s lies in a span and nothing plays there" % (
                        format_time(before), format_time(after)))

    def finish(self):
        for kind, count in self._counts.items():
            if count > self.MAX_EACH:
                self.report.findings.append(Finding(kind, "and %d more" % (count - self.MAX_EACH)))


def shifted(sent, steps):
    """The pictures with the time of day that a clock which was set by `steps` showed when they were taken."""
    result = []
    for one in sent:
        by_us = next((by for at_us, by in reversed(steps) if one.wall_us >= at_us), 0)
        result.append(dataclasses.replace(one, wall_us=one.wall_us + by_us))
    return result


def judge(sent_log, segments, timeline=None, allowed_reasons=(), tolerances=None, *, camera, recording=None,
          asked=None, clients=None, until_us=None, before_log=None, steps=()):
    """Holds a recording against what its camera sent.

    sent_log         longtake-camsim's --sent-log
    segments         a folder (segments.json, ID.mp4, timeline.json), the URL of a server, or Http-/FolderSegments
    timeline         the server's answer as a dict; None fetches it
    allowed_reasons  the only ones a gap or degraded interval may give
    camera           the camera's path in the simulator; recording: its name in the server (the same when None)
    asked            [(start_us, end_us)]: when recording was asked for; None: from the first piece to the last
    clients          simulator's client numbers that are the recorder; None: all
    until_us         only pictures taken before must play; None: Tolerances.tail before the timeline's end
    steps            [(at_us, by_us)], by time: from then on the recorder's clock showed so much more than the camera's
    before_log       called after the segments are read and before the log is: flush it there, when cameras go on
    """
    report = Report([])
    tolerances = tolerances or Tolerances()
    source = open_segments(segments, recording or camera)
    timeline = timeline if timeline is not None else source.timeline()
    findings = []
    played = load_played(source, lambda kind, message: findings.append((kind, message)))
    if before_log:
        before_log()
    sent = shifted(load_sent_log(sent_log, camera, clients), steps)
    judging = _Judge(sent, played, timeline, allowed_reasons, tolerances, report, steps)
    for kind, message in findings:
        judging.find(kind, message)
    if until_us is None:
        until_us = judging.last_us - judging.us(tolerances.tail)
    if not judging.sent:
        judging.find("nothing_sent", "the log %s has no picture of camera %s" % (sent_log, camera))
    # What was sent before recording was asked for is nobody's loss.
    first_us = judging.first_us - judging.us(tolerances.edge)
    judging.judge_reasons()
    judging.judge_cover(asked)
    times = judging.judge_played(crc32c(camera.encode()))
    for number in [n for n, sends in judging.by_number.items() if sends[-1].wall_us < first_us and not times[n]]:
        del judging.by_number[number]
    judging.judge_lost(times, until_us)
    judging.judge_spans()
    judging.finish()
    report.gap_seconds = judging.gaps.seconds_by_reason()
    report.degraded_seconds = judging.degraded.seconds_by_reason()
    return report


# --- Audio -----------------------------------------------------------------------------------------------------------

def read_adts(path):
    """The raw frames of an ADTS file."""
    with open(path, "rb") as file:
        data = file.read()
    frames = []
    at = 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        frames.append(data[at + (7 if data[at + 1] & 1 else 9):at + size])
        at += size
    return frames


def audio_breaks(segments, adts_path, recording=None):
    """(samples, breaks): audio has no numbers, but the camera plays its file round and round. A break is a sample that
    does not follow the one before it; samples that are not of the file count as breaks, too."""
    frames = read_adts(adts_path)
    places = collections.defaultdict(set)
    for index, frame in enumerate(frames):
        places[frame].add(index)
    source = open_segments(segments, recording)
    count = 0
    breaks = 0
    follows = None
    for segment in sorted(source.list(), key=lambda one: parse_time(one["start"])):
        for sample in read_mp4(source.read(str(segment["id"])))[1]:
            if sample.track.handler != "soun":
                continue
            here = places.get(sample.data, set())
            fits = here if follows is None else here & follows
            if not fits:
                breaks += 1
                fits = here
            follows = {(index + 1) % len(frames) for index in fits} or None
            count += 1
    return count, breaks


# --- Program ---------------------------------------------------------------------------------------------------------

def main(arguments=None):
    parser = argparse.ArgumentParser(description="Holds a recording against what longtake-camsim sent.")
    parser.add_argument("--sent-log", required=True)
    parser.add_argument("--camera", required=True, help="the camera's path in the simulator")
    parser.add_argument("--recording", help="its name in the server (default: the same)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="of a running server, e.g. http://127.0.0.1:8080")
    where.add_argument("--dir", help="a folder with segments.json, timeline.json and ID.mp4")
    parser.add_argument("--from", dest="start", help="UTC, with --url")
    parser.add_argument("--to", dest="end", help="UTC, with --url")
    parser.add_argument("--allow", default="", help="reasons a gap may give, comma-separated")
    parser.add_argument("--audio", help="the ADTS file the camera plays: count the breaks in the recorded audio")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    for field in dataclasses.fields(Tolerances):
        parser.add_argument("--" + field.name.replace("_", "-"), type=int if field.name == "max_lost" else float,
                            default=field.default, help="default: %(default)s")
    options = parser.parse_args(arguments)
    source = (HttpSegments(options.url, options.recording or options.camera, options.start, options.end)
              if options.url else FolderSegments(options.dir))
    tolerances = Tolerances(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Tolerances)})
    try:
        report = judge(options.sent_log, source, None, [word for word in options.allow.split(",") if word], tolerances,
                       camera=options.camera)
        if options.audio:
            print("audio samples %d, breaks %d" % audio_breaks(source, options.audio))
    except (OSError, ValueError, KeyError) as error:
        print("oracle: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 3
    print(json.dumps(dataclasses.asdict(report), indent=1) if options.json else report.text())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
