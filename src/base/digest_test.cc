#include "base/digest.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace longtake::base {
namespace {

// FIPS 180-4 examples.
TEST(Digest, Sha256GivesThePublishedValues) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256({as_bytes("abc")})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, Sha256OfPartsIsThatOfTheWhole) {
  EXPECT_EQ(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")}), sha256({as_bytes("abc")}));
}

TEST(Digest, Md5GivesTheValuesOfRfc1321) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
}

struct Base64Case {
  std::string_view text;
  std::string_view encoded;
};
class Base64 : public testing::TestWithParam<Base64Case> {};

TEST_P(Base64, GivesTheValuesOfRfc4648) {
  EXPECT_EQ(to_base64(as_bytes(GetParam().text)), GetParam().encoded);
  const auto decoded = from_base64(GetParam().encoded);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(as_text(*decoded), GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(Digest, Base64,
                         testing::Values(Base64Case{"", ""}, Base64Case{"f", "Zg=="},
                                         Base64Case{"fo", "Zm8="}, Base64Case{"foo", "Zm9v"},
                                         Base64Case{"foob", "Zm9vYg=="},
                                         Base64Case{"foobar", "Zm9vYmFy"}));

TEST(Base64Text, AcceptsMissingPadding) {
  EXPECT_EQ(as_text(from_base64("Zm9vYg").value()), "foob");
  EXPECT_EQ(as_text(from_base64("Zm9vYg=").value()), "foob");
}

TEST(Base64Text, RefusesWhatIsNotOfTheAlphabet) {
  for (const std::string_view text :
       {"Zm9v YmFy", "Zm9v\n", "Zm9-", "Zm=v", "Zm9vYg===", "=", "A", "Zm9vY"}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

RC_GTEST_PROP(Base64Text, DecodesWhatItEncoded, (const std::vector<std::uint8_t>& raw)) {
  const ByteSpan bytes = std::as_bytes(std::span(raw));
  const auto decoded = from_base64(to_base64(bytes));
  RC_ASSERT(decoded == Bytes(bytes.begin(), bytes.end()));
}

RC_GTEST_PROP(Base64Text, AnswersAnyTextWithoutFailing, (const std::string& text)) {
  const auto decoded = from_base64(text);
  RC_ASSERT((!decoded || decoded->size() <=
                             text.size()));  // in parentheses: the macro takes an expression apart
}

}  // namespace
}  // namespace longtake::base
