#include "base/system_error.h"

#include <fmt/format.h>

#include <cstring>

namespace longtake::base {

ErrorCode code_of_errno(int number) {
  switch (number) {
    case ENOENT:
      return ErrorCode::kNotFound;

    case EEXIST:
      return ErrorCode::kAlreadyExists;

    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:  // a symbolic link where none is followed
    case EXDEV:  // a path that leaves its root (openat2), or a rename across file systems
      return ErrorCode::kInvalidArgument;

    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case EOPNOTSUPP:  // this file system cannot do that
    case ENOSYS:      // this kernel cannot do that
    case EADDRINUSE:
    case EADDRNOTAVAIL:
      return ErrorCode::kFailedPrecondition;

    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      return ErrorCode::kResourceExhausted;

    case EACCES:
    case EPERM:
    case EROFS:  // also what a file system becomes after an error (errors=remount-ro)
      return ErrorCode::kPermissionDenied;

    case EIO:
    case EBADMSG:  // a checksum of the file system failed
    case EUCLEAN:  // the file system knows it is damaged
    case ENXIO:    // the device has gone
    case ENODEV:
      return ErrorCode::kDataLoss;

    case EAGAIN:
    case EINTR:
    case EBUSY:
    case ETXTBSY:
    case ESTALE:  // a network file system lost the file's handle
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
      return ErrorCode::kUnavailable;

    case ETIMEDOUT:
      return ErrorCode::kDeadlineExceeded;

    case ECANCELED:
      return ErrorCode::kCancelled;

    default:
      return ErrorCode::kInternal;
  }
}

Error errno_error(int number, std::string_view where, std::string_view what) {
  // strerrordesc_np neither translates nor shares a buffer between threads, as strerror does.
  const char* description = ::strerrordesc_np(number);
  const std::string text =
      description != nullptr ? std::string(description) : fmt::format("error {}", number);
  return Error(code_of_errno(number), fmt::format("{}: {}: {}", where, what, text));
}

}  // namespace longtake::base
