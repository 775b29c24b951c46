// Challenges and the answers to them.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/random.h"
#include "rtsp/auth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  auto challenge = longtake::rtsp::parse_challenge(longtake::as_text(bytes));
  if (challenge) {
    longtake::base::SeededRandom random(1);
    longtake::rtsp::Authenticator authenticator("user", longtake::base::Secret("password"), random);
    authenticator.set_challenge(std::move(*challenge));
    const std::string answer = authenticator.authorization("DESCRIBE", "rtsp://192.0.2.7/");
    LT_CHECK(answer.find('\n') == std::string::npos && answer.find('\r') == std::string::npos);
  }
  return 0;
}
