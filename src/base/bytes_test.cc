#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace longtake {
namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(Cursor, ReadsBigEndianValuesOfEachWidth) {
  const Bytes bytes = bytes_of({0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x11,
                                0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18});
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.u8(), 0x01);
  EXPECT_EQ(cursor.u16(), 0x0203);
  EXPECT_EQ(cursor.u24(), 0x040506U);
  EXPECT_EQ(cursor.u32(), 0x0708090aU);
  EXPECT_EQ(cursor.u64(), 0x1112131415161718U);
  EXPECT_TRUE(cursor.is_at_end());
}

TEST(Cursor, GivesNothingPastTheEndAndStaysWhereItWas) {
  const Bytes bytes = bytes_of({1, 2, 3});
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.u32(), std::nullopt);
  EXPECT_EQ(cursor.u64(), std::nullopt);
  EXPECT_FALSE(cursor.take(4).has_value());
  EXPECT_FALSE(cursor.skip(SIZE_MAX));
  EXPECT_EQ(cursor.position(), 0U);
  EXPECT_EQ(cursor.u24(), 0x010203U);
  EXPECT_EQ(cursor.u8(), std::nullopt);
}

TEST(Cursor, TakesAndSkipsSpans) {
  const Bytes bytes = bytes_of({1, 2, 3, 4, 5});
  Cursor cursor(bytes);
  EXPECT_TRUE(cursor.skip(1));
  const auto taken = cursor.take(2);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(Bytes(taken->begin(), taken->end()), bytes_of({2, 3}));
  EXPECT_EQ(cursor.remaining(), 2U);
  EXPECT_EQ(cursor.rest().data(), bytes.data() + 3);
}

RC_GTEST_PROP(Cursor, NeverLeavesItsBytesWhateverIsRead,
              (const std::vector<std::uint8_t>& raw, const std::vector<std::uint8_t>& reads)) {
  const ByteSpan bytes = std::as_bytes(std::span(raw));
  Cursor cursor(bytes);
  for (const std::uint8_t read : reads) {
    const std::size_t before = cursor.position();
    const std::size_t width = read % 16U;
    const bool was_read = width == 4 ? cursor.u32().has_value() : cursor.take(width).has_value();
    RC_ASSERT(was_read == (width <= bytes.size() - before));
    RC_ASSERT(cursor.position() == before + (was_read ? width : 0));
    RC_ASSERT(cursor.position() + cursor.remaining() == bytes.size());
  }
}

RC_GTEST_PROP(ByteWriter, WritesWhatACursorReadsBack,
              (std::uint8_t a, std::uint16_t b, std::uint32_t c, std::uint32_t d, std::uint64_t e,
               std::int32_t f, std::int64_t g, const std::string& text)) {
  Bytes out;
  ByteWriter(out).u8(a).u16(b).u24(c & 0xffffffU).u32(d).u64(e).i32(f).i64(g).text(text).zeros(3);
  Cursor cursor(out);
  RC_ASSERT(cursor.u8() == a);
  RC_ASSERT(cursor.u16() == b);
  RC_ASSERT(cursor.u24() == (c & 0xffffffU));
  RC_ASSERT(cursor.u32() == d);
  RC_ASSERT(cursor.u64() == e);
  RC_ASSERT(static_cast<std::int32_t>(cursor.u32().value()) == f);
  RC_ASSERT(static_cast<std::int64_t>(cursor.u64().value()) == g);
  RC_ASSERT(as_text(cursor.take(text.size()).value()) == text);
  RC_ASSERT(cursor.u24() == 0U);
  RC_ASSERT(cursor.is_at_end());
}

TEST(ByteWriter, PatchesASizeWrittenEarlier) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(0xff).u32(0).text("box");
  writer.patch_u32(1, 0x01020304);
  EXPECT_EQ(out, bytes_of({0xff, 1, 2, 3, 4, 'b', 'o', 'x'}));
}

}  // namespace
}  // namespace longtake
