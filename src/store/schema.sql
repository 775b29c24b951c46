-- The catalog: a view of media files and ledger, made to answer quickly. It holds nothing that cannot be made again
-- (docs/design/store.md). Only the store's thread writes it, from facts; "written by" names the fact.
--
-- Times are UTC microseconds since 1970 and *effective*: as recorded plus the run's redate. Ranges are half open.
-- Recording and run ids are unsigned 64-bit words, stored as SQLite's signed ones with the same bits.

PRAGMA application_id = 0x4C544B43;  -- "LTKC"
PRAGMA user_version = 1;

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,   -- applied_sequence: of the last ledger record applied, in the same transaction as its rows
                            -- longest_segment_us: no segment row is longer; bounds the search by start
  value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('applied_sequence', 0), ('longest_segment_us', 600000000);

CREATE TABLE process (                         -- the last start of the program; at most one row
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  start      INTEGER NOT NULL,                 -- volume.json's counter, by ProcessStarted
  boot_id    TEXT NOT NULL,                    -- the kernel's, by ProcessStarted
  started_us INTEGER NOT NULL,
  stopped_us INTEGER                           -- by ProcessStopped; NULL: it runs, or did not stop in order
) STRICT;

CREATE TABLE recordings (
  id              INTEGER PRIMARY KEY,
  name            TEXT NOT NULL,               -- by RecordingCreated; the id in hex until that came
  created_us      INTEGER NOT NULL,            -- 0 until then
  armed_since_us  INTEGER,                     -- by Armed; NULL: recording is not asked for
  gap_since_us    INTEGER,                     -- by GapOpened; NULL: no gap is open
  gap_reason      INTEGER CHECK (gap_reason BETWEEN 1 AND 255),  -- media/reason.h
  closed_bytes    INTEGER NOT NULL DEFAULT 0,  -- sum of size_bytes over its closed segments
  closed_segments INTEGER NOT NULL DEFAULT 0,  -- how many those are
  CHECK ((gap_since_us IS NULL) = (gap_reason IS NULL))
) STRICT;

CREATE TABLE armed (                           -- time that was asked for and is over; disjoint, never touching
  recording INTEGER NOT NULL REFERENCES recordings (id),
  start_us  INTEGER NOT NULL,                  -- by Disarmed, from armed_since_us
  end_us    INTEGER NOT NULL CHECK (end_us > start_us),
  PRIMARY KEY (recording, start_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (                            -- runs whose times were moved; a run without a row was not
  recording INTEGER NOT NULL REFERENCES recordings (id),
  run       INTEGER NOT NULL,
  redate_us INTEGER NOT NULL,                  -- sum of its RunRedated
  PRIMARY KEY (recording, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  recording    INTEGER NOT NULL REFERENCES recordings (id),
  run          INTEGER NOT NULL,
  sequence     INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 4294967295),  -- within the run
  day          TEXT NOT NULL,                  -- its folder, "20260131"
  start_us     INTEGER NOT NULL,               -- of its first span; open: when it was opened
  end_us       INTEGER NOT NULL CHECK (end_us >= start_us),  -- of its last span; open: start_us
  size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),     -- of the file; open: 0
  state        INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),  -- 1 open, 2 closed, 3 tombstone; never back
  is_recovered INTEGER NOT NULL CHECK (is_recovered IN (0, 1)),
  spans        BLOB,                           -- all spans, 16 bytes each (start, end: i64 big-endian); NULL: the one
                                               -- span is [start_us, end_us), none when those are equal
  PRIMARY KEY (recording, run, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_by_start ON segments (recording, start_us);
CREATE INDEX segments_closed_by_end ON segments (recording, end_us) WHERE state = 2;
CREATE INDEX segments_unclosed ON segments (state) WHERE state <> 2;

CREATE TABLE spans (                           -- the union of all spans of closed segments; disjoint, never touching
  recording INTEGER NOT NULL REFERENCES recordings (id),
  start_us  INTEGER NOT NULL,
  end_us    INTEGER NOT NULL CHECK (end_us > start_us),
  PRIMARY KEY (recording, start_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE reasons (                         -- why time may be missing; disjoint: the later fact has painted over
  recording    INTEGER NOT NULL REFERENCES recordings (id),
  start_us     INTEGER NOT NULL,               -- by GapNoted, GapClosed, SegmentDeleted
  end_us       INTEGER NOT NULL CHECK (end_us > start_us),
  reason       INTEGER NOT NULL CHECK (reason BETWEEN 1 AND 255),
  is_after_gap INTEGER NOT NULL CHECK (is_after_gap IN (0, 1)),  -- told while the open gap was open: outranks it
  PRIMARY KEY (recording, start_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX reasons_after_gap ON reasons (recording, start_us) WHERE is_after_gap = 1;

CREATE TABLE degraded (                        -- recorded but damaged; per reason more than 10 s apart
  recording INTEGER NOT NULL REFERENCES recordings (id),
  reason    INTEGER NOT NULL CHECK (reason BETWEEN 1 AND 255),
  start_us  INTEGER NOT NULL,                  -- by DegradedNoted
  end_us    INTEGER NOT NULL CHECK (end_us > start_us),
  count     INTEGER NOT NULL CHECK (count >= 0),  -- sum over the facts that met here
  PRIMARY KEY (recording, reason, start_us)
) STRICT, WITHOUT ROWID;
