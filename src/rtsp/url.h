#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/network.h"
#include "base/result.h"
#include "base/secret.h"

namespace longtake::rtsp {

/// Where a camera is, without who may look: user name and password are split off where a URL is
/// read.
///
/// Source     RFC 2326 §3.2, RFC 3986.
class Url {
 public:
  /// "rtsp://192.0.2.7:8554": scheme and authority, the port only where it is not 554.
  [[nodiscard]] std::string origin() const;
  /// What goes into a request line.
  [[nodiscard]] std::string request_uri() const { return origin() + path_; }
  /// What people and logs see: values of parameters named like a password in path or query are
  /// masked.
  [[nodiscard]] std::string display() const;
  [[nodiscard]] const base::HostPort& host_port() const { return host_port_; }

  friend bool operator==(const Url& a, const Url& b) {
    return a.host_port_.host == b.host_port_.host && a.host_port_.port == b.host_port_.port &&
           a.path_ == b.path_;
  }

 private:
  friend Result<struct CameraUrl> parse_camera_url(std::string_view text);

  base::HostPort host_port_;
  std::string path_;  // with query, starting with '/', or empty
};

struct CameraUrl {
  Url url;
  std::string username;   // percent-decoded; empty without user info
  base::Secret password;  // percent-decoded
};

/// Reads "rtsp://user:password@host:port/path". A raw '@' inside the password is accepted (people
/// paste them); a raw
/// '/' is not, since what follows could not be told from the path.
/// Errors     kInvalidArgument with a sentence that repeats nothing of the text, as it may hold a
///            password.
Result<CameraUrl> parse_camera_url(std::string_view text);

/// The URI of a track or of the aggregate: `control` of SDP against the base (RFC 2326 §C.1.1).
/// Servers and clients append to the base, query and all, rather than resolve as RFC 3986 would,
/// and cameras count on it.
std::string resolve_control(std::string_view base, std::string_view control);

/// A URI from the network without its user info, so that a camera cannot make us repeat it.
std::string without_user_info(std::string_view uri);

}  // namespace longtake::rtsp
