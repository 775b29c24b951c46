#include "store/ledger_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/kill_point.h"
#include "store/fact_codec.h"
#include "store/ledger_reader.h"

namespace longtake::store {

Result<std::unique_ptr<LedgerWriter>> LedgerWriter::open(base::FileSystem& files, Options options) {
  std::unique_ptr<LedgerWriter> writer(new LedgerWriter(files, std::move(options)));
  LT_TRY(base::make_directories(files, writer->options_.folder));
  auto read = writer->read_tail();
  if (!read) return std::unexpected(std::move(read).error().in("ledger"));
  return writer;
}

Result<void> LedgerWriter::read_tail() {
  LT_ASSIGN(const auto entries, files_.list(options_.folder));
  for (const base::DirectoryEntry& entry : entries) {
    const auto name = parse_ledger_file_name(entry.name);
    if (!name) continue;
    std::uint32_t& highest = highest_number_[name->day];
    highest = std::max(highest, name->number);
  }
  LT_ASSIGN(const std::vector<LedgerFile> order, survey_ledger(files_, options_.folder));
  for (const LedgerFile& file : order) {
    if (file.header) next_file_number_ = std::max(next_file_number_, file.header->file_number + 1);
    const auto name = parse_ledger_file_name(file.name);
    if (name && (tail_.last_snapshot_day.empty() || file.first_type == kSnapshotBegin))
      tail_.last_snapshot_day = name->day;
  }
  if (!order.empty()) LT_TRY(adopt_tail_file(order.back()));
  durable_sequence_ = last_sequence_;
  durable_chain_ = last_chain_;
  tail_.last_sequence = last_sequence_;
  return read_last_life(order);
}

/// Reads the newest file to its end, makes it durable, and goes on in it if nothing but records is in it.
Result<void> LedgerWriter::adopt_tail_file(const LedgerFile& file) {
  const std::string path = base::join_path(options_.folder, file.name);
  LT_ASSIGN(const auto scanner, LedgerFileScanner::open(files_, path));
  while (true) {
    const auto record = scanner->next();
    if (!record && record.error().code() != ErrorCode::kDataLoss)
      return std::unexpected(record.error());
    if (!record || !*record) break;
    // Blocks of an older file can come back behind the end of a newer one.
    if ((*record)->head.sequence <= last_sequence_) continue;
    last_sequence_ = (*record)->head.sequence;
    last_chain_ = (*record)->chain;
    tail_.last_at = (*record)->head.at;
  }
  // What a killed process had only written is read now and applied: it must not vanish afterwards (invariant L2).
  LT_ASSIGN(auto opened, files_.open(path, base::OpenMode::kReadWrite));
  LT_TRY(opened->sync());
  LT_TRY(files_.sync_directory(options_.folder));
  const auto name = parse_ledger_file_name(file.name);
  const bool is_clean = scanner->header() && scanner->damage().empty() &&
                        scanner->valid_end() == scanner->size_bytes();
  if (!is_clean || !name) return {};
  file_ = std::move(opened);
  file_name_ = file.name;
  file_day_ = name->day;
  file_bytes_ = scanner->valid_end();
  is_name_durable_ = true;
  has_durable_records_ = true;
  return {};
}

/// Backwards file by file, because each snapshot restates the last start.
Result<void> LedgerWriter::read_last_life(const std::vector<LedgerFile>& order) {
  for (std::size_t i = order.size(); i-- > 0 && !tail_.last_start;) {
    auto scanner = LedgerFileScanner::open(files_, base::join_path(options_.folder, order[i].name));
    if (!scanner && scanner.error().code() != ErrorCode::kDataLoss)
      return std::unexpected(std::move(scanner).error());
    bool was_stopped = tail_.was_stopped;  // by what a later file says
    while (scanner) {
      const auto record = (*scanner)->next();
      if (!record && record.error().code() != ErrorCode::kDataLoss)
        return std::unexpected(record.error());
      if (!record || !*record || (*record)->head.sequence >= order[i].superseded_from) break;
      const RecordHead& head = (*record)->head;
      if (head.type != type_of(ProcessStarted{}) && head.type != type_of(ProcessStopped{}))
        continue;
      const auto fact = decode_fact(head.type, head.version, (*record)->payload);
      if (!fact || !*fact) continue;
      if (const auto* started = std::get_if<ProcessStarted>(&**fact)) {
        tail_.last_start = *started;
        was_stopped = tail_.was_stopped;
      } else {
        was_stopped = true;
      }
    }
    tail_.was_stopped = was_stopped;
  }
  return {};
}

void LedgerWriter::push(RecordHead head, ByteSpan payload, bool starts_file) {
  head.sequence = ++last_sequence_;
  head.version = kFactVersion;
  Pending record;
  record.chain = encode_record(head, last_chain_, payload, record.bytes);
  record.day = to_day(head.at);
  record.starts_file = starts_file;
  last_chain_ = record.chain;
  pending_.push_back(std::move(record));
}

std::uint64_t LedgerWriter::append(const Fact& fact, WallTime at) {
  Bytes payload;
  encode_fact(fact, payload);
  RecordHead head;
  head.at = at;
  head.type = type_of(fact);
  push(head, payload, false);
  return last_sequence_;
}

void LedgerWriter::append_snapshot(std::span<const Fact> living, WallTime at) {
  LT_CHECK(pending_.empty());
  RecordHead head;
  head.at = at;
  head.type = kSnapshotBegin;
  push(head, {}, true);
  const std::uint64_t begin = last_sequence_;
  Bytes payload;
  for (const Fact& fact : living) {
    payload.clear();
    encode_fact(fact, payload);
    head.type = type_of(fact);
    head.flags = kFlagSnapshot;
    push(head, payload, false);
  }
  payload.clear();
  ByteWriter(payload).u64(begin);
  head.type = kSnapshotEnd;
  head.flags = 0;
  push(head, payload, false);
}

bool LedgerWriter::wants_new_file(const Pending& record) const {
  return file_ == nullptr || record.starts_file || record.day != file_day_ ||
         file_bytes_ >= options_.max_file_bytes;
}

Result<void> LedgerWriter::create_file(const Pending& first) {
  std::uint32_t& highest = highest_number_[first.day];
  const std::string name = fmt::format("{}-{}.log", first.day, highest + 1);
  auto made = files_.open(base::join_path(options_.folder, name), base::OpenMode::kCreateNew);
  if (made || made.error().code() == ErrorCode::kAlreadyExists) ++highest;
  if (!made) return std::unexpected(std::move(made).error());
  file_ = *std::move(made);
  file_name_ = name;
  file_day_ = first.day;
  file_bytes_ = 0;
  is_name_durable_ = false;
  has_durable_records_ = false;
  const auto head = decode_head(first.bytes);
  LT_CHECK(head.has_value());
  Bytes header;
  encode_header({next_file_number_++, head->sequence, head->at, durable_chain_}, header);
  const ByteSpan part = header;
  LT_TRY(file_->write_at(0, std::span(&part, 1)));
  file_bytes_ = header.size();
  base::kill_point("ledger.file_created");
  return {};
}

/// Writes pending records up to the next one that begins a file of its own.
Result<void> LedgerWriter::write_pending() {
  const auto begin = pending_.begin() + static_cast<std::ptrdiff_t>(written_);
  std::size_t bytes = 0;
  std::vector<ByteSpan> parts;
  auto end = begin;
  while (end != pending_.end() && !(end != begin && (end->starts_file || end->day != file_day_)) &&
         (bytes == 0 || file_bytes_ + bytes < options_.max_file_bytes || begin->starts_file)) {
    bytes += end->bytes.size();
    parts.emplace_back(end->bytes);
    ++end;
  }
  LT_TRY(file_->write_at(file_bytes_, parts));
  file_bytes_ += bytes;
  written_ += parts.size();
  base::kill_point("ledger.written");
  return {};
}

Result<void> LedgerWriter::sync_written() {
  LT_TRY(file_->sync_data());
  if (!is_name_durable_) LT_TRY(files_.sync_directory(options_.folder));
  is_name_durable_ = true;
  if (written_ == 0) return {};
  has_durable_records_ = true;
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(written_);
  durable_chain_ = std::prev(end)->chain;
  const auto head = decode_head(std::prev(end)->bytes);
  LT_CHECK(head.has_value());
  durable_sequence_ = head->sequence;
  pending_.erase(pending_.begin(), end);
  written_ = 0;
  base::kill_point("ledger.synced");
  return {};
}

Result<void> LedgerWriter::write() {
  while (written_ < pending_.size()) {
    Result<void> step;
    if (wants_new_file(pending_[written_])) {
      // The old file is finished first: a new one never stands beside records that may yet vanish (invariant L3).
      if (file_ != nullptr && written_ > 0) step = sync_written();
      if (step) step = create_file(pending_[written_]);
    }
    if (step) step = write_pending();
    if (step) continue;
    abandon_file();
    return std::unexpected(std::move(step).error().in("ledger"));
  }
  return {};
}

Result<void> LedgerWriter::sync() {
  LT_TRY(write());
  if (pending_.empty()) return {};
  auto synced = sync_written();
  if (synced) return {};
  abandon_file();
  return std::unexpected(std::move(synced).error().in("ledger"));
}

/// Invariant L4: what a file holds beyond its last good sync is not there for us.
void LedgerWriter::abandon_file() {
  file_.reset();
  written_ = 0;
  // A file without one durable record would only be litter, one for each second of a full disk. That it cannot be
  // removed either may be ignored: the reader takes the later file.
  if (!has_durable_records_ && !file_name_.empty())
    (void)files_.remove(base::join_path(options_.folder, file_name_));
  has_durable_records_ = true;
}

void LedgerWriter::skip_to(std::uint64_t sequence) {
  LT_CHECK(pending_.empty());
  if (sequence <= last_sequence_) return;
  last_sequence_ = sequence;
  durable_sequence_ = sequence;
}

Result<std::size_t> LedgerWriter::remove_old_files() {
  LT_ASSIGN(const auto snapshot, find_last_snapshot(files_, options_.folder));
  if (!snapshot) return std::size_t{0};
  std::vector<LedgerFinding> findings;
  LT_ASSIGN(const std::vector<LedgerFile> order, survey_ledger(files_, options_.folder, &findings));
  for (const LedgerFinding& finding : findings) {
    // The oldest go first and without holes; one that cannot be read cannot be placed.
    if (finding.kind == LedgerFinding::Kind::kUnreadable) return std::size_t{0};
  }
  // Days of files and not of the calendar: a clock that jumps ten years ahead makes one day more, not 3,650.
  std::set<std::string> days_kept;
  std::size_t first_kept = order.size();
  while (first_kept > 0) {
    const LedgerFile& file = order[first_kept - 1];
    days_kept.insert(file.name.substr(0, 8));
    if (days_kept.size() > options_.keep_days && file.first_sequence < snapshot->begin) break;
    --first_kept;
  }
  std::size_t removed = 0;
  constexpr auto kKnownTypes = std::variant_size_v<Fact>;
  for (std::size_t i = 0; i < first_kept; ++i) {
    const std::string path = base::join_path(options_.folder, order[i].name);
    LT_ASSIGN(const auto scanner, LedgerFileScanner::open(files_, path));
    bool is_all_known = true;
    while (true) {
      LT_ASSIGN(const auto record, scanner->next());
      if (!record) break;
      const std::uint16_t type = record->head.type;
      is_all_known =
          is_all_known && (type <= kKnownTypes || type == kSnapshotBegin || type == kSnapshotEnd);
    }
    if (!is_all_known) break;
    LT_TRY(files_.remove(path));
    base::kill_point("ledger.file_removed");
    ++removed;
  }
  if (removed > 0) LT_TRY(files_.sync_directory(options_.folder));
  return removed;
}

}  // namespace longtake::store
