#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/memory_file_system.h"
#include "store/fact_codec.h"
#include "store/ledger_reader.h"
#include "store/ledger_writer.h"

// A ledger file of any bytes: reading ends, gives records in order, and a writer goes on behind it without losing one.
namespace {

using namespace longtake;  // NOLINT: one file

std::uint64_t read_all(base::FileSystem& files, std::uint64_t& last) {
  const auto reader =
      store::LedgerReader::open(files, "ledger", 1, store::LedgerReader::Chain::kVerify);
  LT_CHECK(reader.has_value());
  std::uint64_t count = 0;
  while (true) {
    const auto record = (*reader)->next();
    LT_CHECK(record.has_value());
    if (!*record) return count;
    LT_CHECK((*record)->sequence > last);
    last = (*record)->sequence;
    ++count;
    if (!(*record)->fact) continue;
    // What was understood is written as it was read.
    Bytes payload;
    store::encode_fact(*(*record)->fact, payload);
    const auto again =
        store::decode_fact(store::type_of(*(*record)->fact), store::kFactVersion, payload);
    LT_CHECK(again.has_value() && again->has_value() && **again == *(*record)->fact);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  // The first byte says what is tried: a payload on its own gets past the checksums.
  if (size > 0 && data[0] < 32) {
    (void)store::decode_fact(data[0], 1, bytes.subspan(1));
    return 0;
  }
  base::MemoryFileSystem files;
  LT_CHECK(files.make_directory("ledger").has_value());
  {
    const auto file = files.open("ledger/20260131-1.log", base::OpenMode::kCreateNew);
    LT_CHECK(file.has_value() && (*file)->write_at(0, std::span(&bytes, 1)).has_value());
  }
  std::uint64_t last = 0;
  const std::uint64_t count = read_all(files, last);
  if (last > (UINT64_MAX >> 1U)) return 0;  // no number is left to go on with
  auto writer = store::LedgerWriter::open(files, {});
  LT_CHECK(writer.has_value());
  (*writer)->append(store::GapClosed{}, WallTime(microseconds(1'769'846'400'000'000)));
  LT_CHECK((*writer)->sync().has_value());
  std::uint64_t last_after = 0;
  LT_CHECK(read_all(files, last_after) == count + 1 && last_after == last + 1);
  return 0;
}
