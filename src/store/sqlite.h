#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

/// SQLite behind values and Results. sqlite.cc is the one home of sqlite3.h.
///
/// Every statement is prepared from text that is written in our source; values are bound, never pasted.
/// Thread     a database, and all that is prepared on it, has one user at a time.
/// Errors     kDataLoss: the file is corrupt or no database. kUnavailable: busy, or an I/O error that may pass.
///            kResourceExhausted: no space. kPermissionDenied: read-only. kCancelled: stopped. kInternal: our bug.
namespace longtake::store::sqlite {

struct StatementFinalizer {
  void operator()(sqlite3_stmt* statement) const noexcept;
};
struct DatabaseCloser {
  void operator()(sqlite3* database) const noexcept;
};

/// The rows of one execution. Destroying it resets the statement.
class Rows {
 public:
  Rows(sqlite3_stmt* statement, int bind_code) : statement_(statement), bind_code_(bind_code) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  /// False behind the last row.
  Result<bool> next();
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  /// Borrowed until the next call of `next`.
  [[nodiscard]] ByteSpan blob(int column) const;
  [[nodiscard]] WallTime wall_time(int column) const {
    return WallTime(microseconds(integer(column)));
  }

 private:
  sqlite3_stmt* statement_;
  int bind_code_;
};

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  /// Binds ?1, ?2, … and gives the rows.
  template <class... Values>
  Rows query(const Values&... values) {
    int code = 0;
    int index = 0;
    ((code = code == 0 ? bind(++index, values) : code), ...);
    return {statement_.get(), code};
  }
  /// Binds and runs to the end.
  template <class... Values>
  Result<void> run(const Values&... values) {
    return drain(query(values...));
  }

 private:
  int bind(int index, std::int64_t value);
  int bind(int index, std::nullopt_t value);
  int bind(int index, std::string_view value);
  int bind(int index, ByteSpan value);
  int bind(int index, const std::string& value) { return bind(index, std::string_view(value)); }
  int bind(int index, int value) { return bind(index, std::int64_t{value}); }
  /// The same 64 bits: ids are whole words, SQLite's integers are signed.
  int bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  int bind(int index, std::uint32_t value) { return bind(index, std::int64_t{value}); }
  int bind(int index, WallTime value) { return bind(index, value.time_since_epoch().count()); }
  int bind(int index, microseconds value) { return bind(index, value.count()); }
  template <class T>
  int bind(int index, const std::optional<T>& value) {
    return value ? bind(index, *value) : bind(index, std::nullopt);
  }
  static Result<void> drain(Rows&& rows);

  std::unique_ptr<sqlite3_stmt, StatementFinalizer> statement_;
};

enum class Access { kRead, kReadWrite };

class Database {
 public:
  /// With kReadWrite it is made if missing.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Access access);

  Result<Statement> prepare(std::string_view sql);
  /// Runs every statement of a text of ours: schema, pragmas.
  Result<void> run_script(std::string_view sql);
  /// The first column of the first row; 0 without one.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Pages in the WAL as of the last commit of this connection. Its file is larger: it is reused, not cut.
  [[nodiscard]] std::int64_t wal_pages() const { return wal_pages_; }
  enum class Checkpoint { kPassive, kTruncate };
  /// False when a reader or writer kept it from finishing.
  Result<bool> checkpoint(Checkpoint mode);
  /// Statements that run while `stop` is asked for end with kCancelled.
  void stop_when(std::stop_token stop);

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::stop_token stop_;
  std::int64_t wal_pages_ = 0;
  std::unique_ptr<sqlite3, DatabaseCloser> handle_;
};

/// BEGIN IMMEDIATE, and ROLLBACK unless `commit` succeeded.
class Transaction {
 public:
  static Result<std::unique_ptr<Transaction>> begin(Database& database);
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(database) {}
  Database& database_;
  bool is_open_ = true;
};

}  // namespace longtake::store::sqlite
