// A media segment's address out of a URL, and the decode time put into whatever claims to be a moof.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "playback/media_segment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  using longtake::playback::MediaAddress;
  const longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  const auto text = longtake::as_text(bytes);
  const std::size_t first = text.find('/');
  const std::size_t second = first == text.npos ? text.npos : text.find('/', first + 1);
  if (second != text.npos) {
    const auto address = MediaAddress::from(
        text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1));
    LT_CHECK(!address || !address->range.is_empty());
  }
  longtake::Bytes moof(bytes.begin(), bytes.end());
  constexpr std::uint64_t kTicks = 0x0102030405060708;
  if (longtake::playback::set_decode_time(moof, kTicks)) {
    // Eight bytes and no more were touched.
    std::size_t touched = 0;
    for (std::size_t i = 0; i < moof.size(); ++i) touched += moof[i] != bytes[i] ? 1 : 0;
    LT_CHECK(touched <= 8);
  }
  return 0;
}
