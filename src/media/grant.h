#pragma once

#include <string>
#include <utility>

namespace longtake::server {
class Authority;
}
namespace longtake::testing_support {
struct GrantForTests;
}

namespace longtake::media {

/// Proof that somebody may read one recording: whoever opens media asks for it, so that a forgotten check does not
/// compile. Only the server's Authority makes one.
///
/// Ownership  a value; lives as long as the request it was made for.
/// Source     FAULTS.md §4.4.
class ReadGrant {
 public:
  [[nodiscard]] const std::string& recording() const { return recording_; }

 private:
  friend class server::Authority;
  friend struct testing_support::GrantForTests;
  explicit ReadGrant(std::string recording) : recording_(std::move(recording)) {}
  std::string recording_;
};

}  // namespace longtake::media

namespace longtake::testing_support {
/// For the tests of what takes a grant.
struct GrantForTests {
  static media::ReadGrant of(std::string recording) {
    return media::ReadGrant(std::move(recording));
  }
};
}  // namespace longtake::testing_support
