#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "store/fact.h"
#include "store/ledger_record.h"

namespace longtake::store {

struct LedgerFile;

/// What the ledger told of the life before this one, as it was opened.
struct LedgerTail {
  std::uint64_t last_sequence = 0;  // 0: the ledger is empty
  std::optional<WallTime> last_at;
  std::optional<ProcessStarted> last_start;
  bool was_stopped = false;  // a ProcessStopped follows the last start
  std::string
      last_snapshot_day;  // of the newest snapshot; of the oldest file without one; empty: no file
};

/// Appends to the ledger: records in memory, then in a file, then durable. Nothing is forgotten before it is durable.
///
/// Ownership  borrows the file system.
/// Thread     one user.
/// Limits     holds every record that is not durable yet; its owner stops appending at `pending_count()` of its choice.
///            A file is closed at `max_file_bytes` and with the UTC day.
/// Errors     after a failed write or sync the file is never written or trusted again; what was not durable goes, with
///            the same sequence numbers, into a new file at the next try. Errors are those of the file system.
/// Source     docs/design/store.md, invariants L1 to L5.
class LedgerWriter {
 public:
  struct Options {
    std::string folder = "ledger";
    std::size_t keep_days = 7;  // days of files kept behind the newest snapshot
    std::uint64_t max_file_bytes = 64ULL * 1024 * 1024;
  };

  /// Reads the tail, makes durable what the last life had written and not synced, and goes on behind it.
  static Result<std::unique_ptr<LedgerWriter>> open(base::FileSystem& files, Options options);

  /// The record's sequence. Only memory is touched.
  std::uint64_t append(const Fact& fact, WallTime at);
  /// A whole snapshot, the head of a new file. Everything appended before must be durable.
  void append_snapshot(std::span<const Fact> living, WallTime at);
  /// Writes what is appended, so that it survives the death of the process. Nothing is durable by it.
  Result<void> write();
  /// Writes and syncs: everything appended is durable after it.
  Result<void> sync();
  /// Sequences up to `sequence` are never used again: the catalog has seen them although the ledger lost them.
  void skip_to(std::uint64_t sequence);
  /// Removes files that the newest snapshot makes needless and that are older than `keep_days` days of files. Files
  /// with records of unknown types stay: the snapshot cannot restate those. Says how many went.
  Result<std::size_t> remove_old_files();

  [[nodiscard]] const LedgerTail& tail() const { return tail_; }
  [[nodiscard]] std::uint64_t last_sequence() const { return last_sequence_; }
  [[nodiscard]] std::uint64_t durable_sequence() const { return durable_sequence_; }
  [[nodiscard]] std::size_t pending_count() const { return pending_.size(); }

 private:
  struct Pending {
    Bytes bytes;
    ChainHash chain{};
    std::string day;
    bool starts_file = false;
  };

  LedgerWriter(base::FileSystem& files, Options options)
      : files_(files), options_(std::move(options)) {}
  Result<void> read_tail();
  Result<void> read_last_life(const std::vector<LedgerFile>& order);
  Result<void> adopt_tail_file(const LedgerFile& file);
  void push(RecordHead head, ByteSpan payload, bool starts_file);
  [[nodiscard]] bool wants_new_file(const Pending& record) const;
  Result<void> create_file(const Pending& first);
  Result<void> write_pending();
  Result<void> sync_written();
  void abandon_file();

  base::FileSystem& files_;
  Options options_;
  LedgerTail tail_;

  std::unique_ptr<base::File> file_;  // null: the next record begins a new one
  std::string file_name_;
  std::string file_day_;
  std::uint64_t file_bytes_ = 0;      // written, durable or not
  bool is_name_durable_ = false;      // the folder was synced since the file was made
  bool has_durable_records_ = false;  // in this file

  std::uint64_t last_sequence_ = 0;
  std::uint64_t durable_sequence_ = 0;
  ChainHash last_chain_{};     // of the last appended record
  ChainHash durable_chain_{};  // of the last durable one
  std::uint64_t next_file_number_ = 1;
  std::map<std::string, std::uint32_t> highest_number_;  // by day: file names in use
  std::vector<Pending>
      pending_;  // appended and not durable, in order; the first is durable_sequence_ + 1 or later
  std::size_t written_ = 0;  // of them, in the current file
};

}  // namespace longtake::store
