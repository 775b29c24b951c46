#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/server.h"

namespace longtake::server {

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const auto refuse = [&] {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("\"{}\" is no address to listen on; write 127.0.0.1:8080 or [::1]:8080", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refuse();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress address;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return refuse();
  if (host.starts_with('[') != host.ends_with(']')) return refuse();
  if (host.starts_with('['))
    host = host.substr(1, host.size() - 2);
  else if (host.contains(':'))
    return refuse();
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  return address;
}

bool ListenAddress::is_loopback() const { return host == "::1" || host.starts_with("127."); }

}  // namespace longtake::server
