#include "store/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "store/fact_codec.h"

namespace longtake::store {

namespace {

constexpr std::size_t kFindings = 1000;

/// A file that cannot be read just now must not be taken for one that is lost: its records would be passed over for good.
bool may_pass(const Error& error) { return error.code() != ErrorCode::kDataLoss; }

}  // namespace

std::string_view to_string(LedgerFinding::Kind kind) {
  switch (kind) {
    case LedgerFinding::Kind::kTornTail:
      return "torn_tail";
    case LedgerFinding::Kind::kDamagedRecord:
      return "damaged_record";
    case LedgerFinding::Kind::kSequenceGap:
      return "sequence_gap";
    case LedgerFinding::Kind::kChainBreak:
      return "chain_break";
    case LedgerFinding::Kind::kBadHeader:
      return "bad_header";
    case LedgerFinding::Kind::kUnreadable:
      return "unreadable";
  }
  return "unreadable";
}

std::optional<LedgerFileName> parse_ledger_file_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".log";
  if (name.size() < 14 || name[8] != '-' || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view day = name.substr(0, 8);
  if (!std::ranges::all_of(day, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const std::string_view digits = name.substr(9, name.size() - 9 - kSuffix.size());
  LedgerFileName parsed{std::string(day), 0};
  const char* const end = digits.data() + digits.size();
  const auto [to, error] = std::from_chars(digits.data(), end, parsed.number);
  if (error != std::errc() || to != end || parsed.number == 0) return std::nullopt;
  return parsed;
}

Result<std::vector<LedgerFile>> survey_ledger(base::FileSystem& files, const std::string& folder,
                                              std::vector<LedgerFinding>* findings) {
  std::vector<LedgerFile> surveyed;
  auto entries = files.list(folder);
  if (!entries && entries.error().code() == ErrorCode::kNotFound) return surveyed;
  if (!entries) return std::unexpected(std::move(entries).error());
  const auto find = [&](LedgerFinding::Kind kind, const std::string& name, std::string detail) {
    if (findings != nullptr && findings->size() < kFindings)
      findings->push_back({kind, name, 0, std::move(detail)});
  };
  for (const base::DirectoryEntry& entry : *entries) {
    if (entry.is_directory || !parse_ledger_file_name(entry.name)) continue;
    auto scanner = LedgerFileScanner::open(files, base::join_path(folder, entry.name));
    if (!scanner && may_pass(scanner.error())) return std::unexpected(scanner.error());
    if (!scanner) {
      find(LedgerFinding::Kind::kUnreadable, entry.name, scanner.error().message());
      continue;
    }
    const auto first = (*scanner)->next();
    if (!first && may_pass(first.error())) return std::unexpected(first.error());
    if (!first) {
      find(LedgerFinding::Kind::kUnreadable, entry.name, first.error().message());
      continue;
    }
    if (!*first) {  // begun and never filled: a crash between making it and its first sync
      if ((*scanner)->size_bytes() > kLedgerHeaderBytes)
        find(LedgerFinding::Kind::kTornTail, entry.name, "holds no record");
      continue;
    }
    const RecordHead& head = (*first)->head;
    surveyed.push_back(
        {entry.name, (*scanner)->header(), head.sequence, head.at, head.type, UINT64_MAX});
    if (!(*scanner)->header())
      find(LedgerFinding::Kind::kBadHeader, entry.name, "the file header is damaged");
  }
  std::ranges::sort(surveyed, {}, [](const LedgerFile& file) {
    return std::tuple(file.first_sequence, file.header ? file.header->file_number : 0, file.name);
  });
  for (std::size_t i = surveyed.size(); i-- > 1;) {
    surveyed[i - 1].superseded_from =
        std::min(surveyed[i].superseded_from, surveyed[i].first_sequence);
  }
  return surveyed;
}

Result<std::unique_ptr<LedgerReader>> LedgerReader::open(base::FileSystem& files,
                                                         std::string folder,
                                                         std::uint64_t from_sequence, Chain chain) {
  std::unique_ptr<LedgerReader> reader(new LedgerReader(files, std::move(folder)));
  reader->from_sequence_ = from_sequence;
  reader->verify_chain_ = chain;
  LT_ASSIGN(reader->order_, survey_ledger(files, reader->folder_, &reader->findings_));
  // Files that end before `from_sequence` need not be read.
  while (reader->next_file_ < reader->order_.size() &&
         reader->order_[reader->next_file_].superseded_from <= from_sequence) {
    ++reader->next_file_;
  }
  return reader;
}

void LedgerReader::find(LedgerFinding::Kind kind, std::uint64_t offset, std::string detail) {
  if (findings_.size() < kFindings)
    findings_.push_back({kind, order_[next_file_ - 1].name, offset, std::move(detail)});
}

Result<bool> LedgerReader::open_next_file() {
  while (next_file_ < order_.size()) {
    const LedgerFile& file = order_[next_file_++];
    if (file.first_sequence >= file.superseded_from) continue;
    auto opened = LedgerFileScanner::open(files_, base::join_path(folder_, file.name));
    if (opened) {
      scanner_ = *std::move(opened);
      return true;
    }
    if (may_pass(opened.error())) return std::unexpected(std::move(opened).error());
    find(LedgerFinding::Kind::kUnreadable, 0, opened.error().message());
  }
  return false;
}

void LedgerReader::finish_file() {
  for (const LedgerFileScanner::Damage& damage : scanner_->damage()) {
    find(damage.is_tail ? LedgerFinding::Kind::kTornTail : LedgerFinding::Kind::kDamagedRecord,
         damage.offset, fmt::format("{} bytes are no record", damage.length_bytes));
  }
  scanner_.reset();
}

void LedgerReader::check_order(const RawRecord& record) {
  const std::uint64_t sequence = record.head.sequence;
  const bool is_next = last_sequence_ == 0 || sequence == last_sequence_ + 1;
  if (!is_next) {
    find(LedgerFinding::Kind::kSequenceGap, scanner_->valid_end(),
         fmt::format("records {} to {} are missing", last_sequence_ + 1, sequence - 1));
  }
  if (verify_chain_ == Chain::kVerify) {
    if (!last_chain_ && scanner_->header() && scanner_->header()->first_sequence == sequence)
      last_chain_ = scanner_->header()->previous_chain;
    if (last_chain_ &&
        chain_of(*last_chain_, scanner_->record_bytes(), record.payload) != record.chain) {
      find(LedgerFinding::Kind::kChainBreak, scanner_->valid_end(),
           fmt::format("record {} does not follow the one before it", sequence));
    }
  }
  last_sequence_ = sequence;
  last_chain_ = record.chain;
}

Result<std::optional<LedgerRecord>> LedgerReader::next() {
  while (true) {
    if (!scanner_) {
      LT_ASSIGN(const bool is_open, open_next_file());
      if (!is_open) return std::optional<LedgerRecord>();
    }
    const auto raw = scanner_->next();
    if (!raw && may_pass(raw.error())) return std::unexpected(raw.error());
    if (!raw) {
      find(LedgerFinding::Kind::kUnreadable, scanner_->valid_end(), raw.error().message());
      finish_file();
      continue;
    }
    if (!*raw || (*raw)->head.sequence >= order_[next_file_ - 1].superseded_from) {
      finish_file();
      continue;
    }
    const RecordHead& head = (*raw)->head;
    // Blocks of an old file can come back in the tail of a new one; and what is asked for begins later.
    if (head.sequence <= last_sequence_) continue;
    if (head.sequence < from_sequence_) continue;
    check_order(**raw);
    LedgerRecord record{head.sequence, head.at, head.type, (head.flags & kFlagSnapshot) != 0, {}};
    auto fact = decode_fact(head.type, head.version, (*raw)->payload);
    if (!fact) {
      find(LedgerFinding::Kind::kDamagedRecord, scanner_->valid_end(),
           fmt::format("record {}: {}", head.sequence, fact.error().message()));
    } else {
      record.fact = *std::move(fact);
    }
    return std::optional<LedgerRecord>(std::move(record));
  }
}

Result<std::optional<SnapshotPlace>> find_last_snapshot(base::FileSystem& files,
                                                        const std::string& folder) {
  LT_ASSIGN(const std::vector<LedgerFile> order, survey_ledger(files, folder));
  for (std::size_t i = order.size(); i-- > 0;) {
    const LedgerFile& file = order[i];
    // A snapshot is the head of its file.
    if (file.first_type != kSnapshotBegin || file.first_sequence >= file.superseded_from) continue;
    auto scanner = LedgerFileScanner::open(files, base::join_path(folder, file.name));
    if (!scanner && may_pass(scanner.error())) return std::unexpected(scanner.error());
    if (!scanner) continue;
    for (std::uint64_t expected = file.first_sequence;; ++expected) {
      const auto record = (*scanner)->next();
      if (!record && may_pass(record.error())) return std::unexpected(record.error());
      if (!record || !*record || (*record)->head.sequence != expected ||
          expected >= file.superseded_from) {
        break;
      }
      if ((*record)->head.type == kSnapshotEnd)
        return std::optional(SnapshotPlace{file.first_sequence, expected});
    }
  }
  return std::optional<SnapshotPlace>();
}

bool LedgerReport::is_well() const {
  return std::ranges::none_of(findings, &LedgerFinding::is_damage);
}

Result<LedgerReport> verify_ledger(base::FileSystem& files, const std::string& folder) {
  LT_ASSIGN(const auto reader, LedgerReader::open(files, folder, 1, LedgerReader::Chain::kVerify));
  LedgerReport report;
  report.file_count = reader->files().size();
  while (true) {
    LT_ASSIGN(const std::optional<LedgerRecord> record, reader->next());
    if (!record) break;
    if (report.first_sequence == 0) report.first_sequence = record->sequence;
    report.last_sequence = record->sequence;
    ++report.record_count;
  }
  report.findings = reader->findings();
  return report;
}

}  // namespace longtake::store
