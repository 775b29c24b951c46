#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace longtake {

/// What the caller can do about an error; the message says what happened.
enum class ErrorCode {
  kInvalidArgument,     // will never work as written
  kNotFound,            // the named thing is not there
  kAlreadyExists,       // the name is taken
  kFailedPrecondition,  // fix the world first, then try again
  kResourceExhausted,   // make room first: disk, memory, descriptors, a stated limit
  kUnavailable,         // try again later
  kDeadlineExceeded,    // took longer than allowed; try again
  kPermissionDenied,    // not with these credentials or rights
  kDataLoss,            // stored or received bytes are wrong
  kCancelled,           // the caller asked to stop
  kInternal,            // our bug
};

/// The code's name as it appears in messages and the API, e.g. "not_found".
std::string_view to_string(ErrorCode code);

/// An error as a value: a code to act on and a message to read, outermost context first.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] ErrorCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  /// Adds the one fact this layer knows: camera, file, offset. "segment 12: " + message.
  [[nodiscard]] Error in(std::string_view where) && {
    message_.insert(0, std::string(where) + ": ");
    return std::move(*this);
  }

 private:
  ErrorCode code_;
  std::string message_;
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for the failing side: `return fail(ErrorCode::kNotFound, "...")`.
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}

}  // namespace longtake

#define LT_CONCAT_INNER(a, b) a##b
#define LT_CONCAT(a, b) LT_CONCAT_INNER(a, b)

/// Returns the error of `expression` to our caller; otherwise goes on.
#define LT_TRY(expression)                                                \
  do {                                                                    \
    auto lt_result = (expression);                                        \
    if (!lt_result) return std::unexpected(std::move(lt_result).error()); \
  } while (false)

/// `LT_ASSIGN(const Row row, find(id));` declares `row` or returns the error to our caller.
#define LT_ASSIGN(declaration, expression) \
  LT_ASSIGN_INNER(LT_CONCAT(lt_result_, __LINE__), declaration, expression)
#define LT_ASSIGN_INNER(result, declaration, expression)          \
  auto result = (expression);                                     \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
