#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "media/grant.h"
#include "server/http_request.h"

namespace longtake::server {

/// Who may call a route.
enum class Access : std::uint8_t {
  kPublic,    // anybody: health, signing in
  kSignedIn,  // whoever may see anything at all; lists are filtered
  kRead,      // whoever may read the recording {name}: handed on as a ReadGrant
  kAdmin,
};

/// Decides who may do what; the only maker of grants.
///
/// Thread     any.
class Authority {
 public:
  /// Nothing when the one who asks may not read it, or nobody knows it: the caller cannot tell which.
  [[nodiscard]] std::optional<media::ReadGrant> grant_read(const HttpRequest& request,
                                                           const std::string& recording) const;
};

}  // namespace longtake::server
