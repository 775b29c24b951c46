#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "store/fact.h"
#include "store/ledger_record.h"

namespace longtake::store {

/// What is wrong with a ledger, and where.
struct LedgerFinding {
  enum class Kind : std::uint8_t {
    kTornTail,  // bytes after the last record that are none: normal after a crash, nothing is lost
    kDamagedRecord,  // bytes between records that are none
    kSequenceGap,    // records that are not there
    kChainBreak,     // a record that does not follow the one before it
    kBadHeader,      // a file header that is none; its records are read all the same
    kUnreadable,     // a file that could not be read (to its end)
  };
  Kind kind;
  std::string file;
  std::uint64_t offset = 0;
  std::string detail;

  /// False for what a crash alone leaves behind.
  [[nodiscard]] bool is_damage() const { return kind != Kind::kTornTail; }
};
std::string_view to_string(LedgerFinding::Kind kind);

/// Walks one ledger file from its start, record by record, over whatever is damaged.
///
/// Limits     holds one window of at most 512 KiB.
/// Errors     those of reading the file; damage is not an error, it is skipped and kept in `damage()`.
/// Source     FAULTS CAT-08; docs/design/store.md, "Reading".
class LedgerFileScanner {
 public:
  struct Damage {
    std::uint64_t offset = 0;
    std::uint64_t length_bytes = 0;
    bool is_tail = false;  // nothing valid follows
  };
  static Result<std::unique_ptr<LedgerFileScanner>> open(base::FileSystem& files,
                                                         const std::string& path);

  /// The next valid record, borrowed until the next call; nothing at the end of the file.
  Result<std::optional<RawRecord>> next();
  [[nodiscard]] const std::optional<LedgerFileHeader>& header() const { return header_; }
  /// The bytes of the record that `next` gave, for its chain.
  [[nodiscard]] ByteSpan record_bytes() const { return record_bytes_; }
  /// End of the last valid record.
  [[nodiscard]] std::uint64_t valid_end() const { return valid_end_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] const std::vector<Damage>& damage() const { return damage_; }

 private:
  LedgerFileScanner(std::unique_ptr<base::File> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}
  Result<ByteSpan> bytes_at(std::uint64_t offset, std::size_t count);
  Result<std::uint64_t> next_marker(std::uint64_t from);
  void note_damage(std::uint64_t from, std::uint64_t to, bool is_tail);

  std::unique_ptr<base::File> file_;
  std::uint64_t size_bytes_;
  std::optional<LedgerFileHeader> header_;
  std::uint64_t position_ = 0;
  std::uint64_t valid_end_ = 0;
  Bytes window_;
  std::uint64_t window_start_ = 0;
  ByteSpan record_bytes_;
  std::vector<Damage> damage_;  // at most 1,000 are kept
};

/// One file as the survey sees it.
struct LedgerFile {
  std::string name;  // within the folder
  std::optional<LedgerFileHeader> header;
  std::uint64_t first_sequence = 0;  // of its first valid record
  WallTime first_at;                 // when that was appended
  std::uint16_t first_type = 0;
  std::uint64_t superseded_from = UINT64_MAX;  // a later file has the records from here on
};
/// "20260131-2.log": the day, and which file of the day.
struct LedgerFileName {
  std::string day;
  std::uint32_t number = 0;
};
std::optional<LedgerFileName> parse_ledger_file_name(std::string_view name);

/// The files that hold a record, in the order of their records (not of their names: clocks step).
/// An empty answer when the folder is not there. A file with damaged blocks is left out and a finding; other errors of
/// reading are errors. `findings` may be null.
Result<std::vector<LedgerFile>> survey_ledger(base::FileSystem& files, const std::string& folder,
                                              std::vector<LedgerFinding>* findings = nullptr);

struct LedgerRecord {
  std::uint64_t sequence = 0;
  WallTime at;
  std::uint16_t type = 0;
  bool is_snapshot = false;  // restates what was true when the snapshot was taken
  std::optional<Fact> fact;  // nothing: a type of a newer version, or one of the ledger's own
};

/// Reads a ledger in the order of its sequence numbers, once each.
///
/// Ownership  borrows the file system.
/// Thread     one user; may read beside a writer, whose unsynced records may or may not be seen.
/// Limits     as LedgerFileScanner; findings are kept up to 1,000.
/// Errors     those that may pass (and end this reader). A file with damaged blocks is a finding; reading goes on
///            behind it.
class LedgerReader {
 public:
  enum class Chain { kIgnore, kVerify };
  /// From `from_sequence` on.
  static Result<std::unique_ptr<LedgerReader>> open(base::FileSystem& files, std::string folder,
                                                    std::uint64_t from_sequence,
                                                    Chain chain = Chain::kIgnore);
  /// Nothing at the end.
  Result<std::optional<LedgerRecord>> next();
  [[nodiscard]] const std::vector<LedgerFinding>& findings() const { return findings_; }
  [[nodiscard]] const std::vector<LedgerFile>& files() const { return order_; }

 private:
  LedgerReader(base::FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}
  Result<bool> open_next_file();
  void finish_file();
  void check_order(const RawRecord& record);
  void find(LedgerFinding::Kind kind, std::uint64_t offset, std::string detail);

  base::FileSystem& files_;
  std::string folder_;
  std::uint64_t from_sequence_ = 0;
  Chain verify_chain_ = Chain::kIgnore;
  std::vector<LedgerFile> order_;
  std::size_t next_file_ = 0;
  std::unique_ptr<LedgerFileScanner> scanner_;
  std::uint64_t last_sequence_ = 0;  // 0: none read yet
  std::optional<ChainHash> last_chain_;
  std::vector<LedgerFinding> findings_;
};

/// Where the newest whole snapshot stands: records of a rebuild begin there.
struct SnapshotPlace {
  std::uint64_t begin = 0;  // sequence of its first record
  std::uint64_t end = 0;    // ... and of its last
};
/// Nothing when there is no whole one.
Result<std::optional<SnapshotPlace>> find_last_snapshot(base::FileSystem& files,
                                                        const std::string& folder);

struct LedgerReport {
  std::size_t file_count = 0;
  std::uint64_t record_count = 0;
  std::uint64_t first_sequence = 0;  // 0: the ledger is empty
  std::uint64_t last_sequence = 0;
  std::vector<LedgerFinding> findings;
  [[nodiscard]] bool is_well() const;
};
/// Reads everything: checksums, sequence, chain. For `longtake check`; safe beside a running writer.
Result<LedgerReport> verify_ledger(base::FileSystem& files, const std::string& folder);

}  // namespace longtake::store
