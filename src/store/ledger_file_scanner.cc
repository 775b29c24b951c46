#include <algorithm>

#include "store/ledger_reader.h"

namespace longtake::store {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kDamageNotes = 1000;

}  // namespace

Result<std::unique_ptr<LedgerFileScanner>> LedgerFileScanner::open(base::FileSystem& files,
                                                                   const std::string& path) {
  LT_ASSIGN(auto file, files.open(path, base::OpenMode::kRead));
  LT_ASSIGN(const std::uint64_t size_bytes, file->size());
  std::unique_ptr<LedgerFileScanner> scanner(new LedgerFileScanner(std::move(file), size_bytes));
  LT_ASSIGN(const ByteSpan head, scanner->bytes_at(0, kLedgerHeaderBytes));
  scanner->header_ = decode_header(head);
  // Behind a damaged header the first record may stand anywhere.
  if (scanner->header_) scanner->position_ = kLedgerHeaderBytes;
  scanner->valid_end_ = scanner->position_;
  return scanner;
}

/// As many of `count` bytes as the file has there.
Result<ByteSpan> LedgerFileScanner::bytes_at(std::uint64_t offset, std::size_t count) {
  const std::uint64_t there = offset < size_bytes_ ? size_bytes_ - offset : 0;
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, there));
  const bool is_held = offset >= window_start_ && offset + count <= window_start_ + window_.size();
  if (!is_held) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(count, kReadBytes), there));
    window_.resize(wanted);
    window_start_ = offset;
    LT_ASSIGN(const std::size_t got, file_->read_at(offset, window_));
    window_.resize(got);
    count = std::min(count, got);
  }
  return ByteSpan(window_).subspan(static_cast<std::size_t>(offset - window_start_), count);
}

/// The first place at or after `from` where a record might begin; the file's size when there is none.
Result<std::uint64_t> LedgerFileScanner::next_marker(std::uint64_t from) {
  while (from < size_bytes_) {
    LT_ASSIGN(const ByteSpan bytes, bytes_at(from, kReadBytes));
    if (bytes.empty()) break;  // the file shrank
    const auto found = std::ranges::find(bytes, kRecordMarkerFirst);
    from += static_cast<std::uint64_t>(found - bytes.begin());
    if (found != bytes.end()) return from;
  }
  return size_bytes_;
}

void LedgerFileScanner::note_damage(std::uint64_t from, std::uint64_t to, bool is_tail) {
  if (from < to && damage_.size() < kDamageNotes) damage_.push_back({from, to - from, is_tail});
}

Result<std::optional<RawRecord>> LedgerFileScanner::next() {
  const std::uint64_t expected_at = position_;
  while (position_ < size_bytes_) {
    LT_ASSIGN(const ByteSpan head_bytes, bytes_at(position_, kRecordHeadBytes));
    const auto head = decode_head(head_bytes);
    if (!head) {
      LT_ASSIGN(position_, next_marker(position_ + 1));
      continue;
    }
    LT_ASSIGN(const ByteSpan bytes, bytes_at(position_, head->size_bytes()));
    const auto record = decode_record(*head, bytes);
    if (!record) {
      // Its length is vouched for, unless it is the file's torn end: then nothing follows anyway.
      position_ = std::min(position_ + head->size_bytes(), size_bytes_);
      continue;
    }
    note_damage(expected_at, position_, false);
    record_bytes_ = bytes;
    position_ += head->size_bytes();
    valid_end_ = position_;
    return std::optional(*record);
  }
  note_damage(expected_at, position_, true);
  return std::optional<RawRecord>();
}

}  // namespace longtake::store
