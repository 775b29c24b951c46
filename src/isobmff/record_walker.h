#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "isobmff/reader.h"
#include "isobmff/record.h"

namespace longtake::isobmff {

/// Goes through a segment file fragment by fragment: what `walk` and `verify` share.
///
/// Ownership  borrows the file.
/// Limits     one buffer of kChunkBytes.
class RecordWalker {
 public:
  /// Reads the init segment. Errors as `walk`.
  static Result<RecordWalker> open(base::File& file, Check check);

  /// The next whole fragment; nothing at the first thing that does not hold: then `stop` and
  /// `detail` say what.
  Result<std::optional<Record>> next();

  /// Moves what was found out.
  Walk finish() &&;
  [[nodiscard]] const Walk& so_far() const { return walk_; }

 private:
  static constexpr std::size_t kChunkBytes = 256 * 1024;

  RecordWalker(base::File& file, Check check) : file_(&file), check_(check) {}
  Result<void> read_init();
  /// The first record was written behind other bytes: what looks like a codec of a later version is
  /// rot.
  Result<bool> is_init_damaged();
  /// Fills the start of the buffer, valid until the next read; fewer bytes only at the end of the
  /// file.
  Result<ByteSpan> read(std::uint64_t offset, std::uint64_t bytes);
  std::nullopt_t stop(Stop reason, std::string detail);
  Result<std::optional<Record>> stop_at_foreign_box(ByteSpan start);
  Result<bool> is_zero_to_the_end();
  Result<std::uint32_t> payload_crc(const media::FragmentEntry& entry);
  /// Why the record cannot stand where it stands, or empty.
  [[nodiscard]] std::string chain_fault(const Record& record) const;

  base::File* file_;
  Check check_;
  Walk walk_;
  std::uint32_t next_number_ = 1;
  Bytes buffer_;
};

}  // namespace longtake::isobmff
