#include "store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace longtake::store::sqlite {

namespace {

/// The one place where SQLite's codes become ours.
ErrorCode translate(int code) {
  if (code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_SHORT_READ)
    return ErrorCode::kDataLoss;
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // WAL recovery raced with another connection
    case SQLITE_SCHEMA:
      return ErrorCode::kUnavailable;
    case SQLITE_IOERR:  // the catalog is a view: trying again is right, and what is broken shows as CORRUPT
      return ErrorCode::kUnavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_INTERRUPT:
      return ErrorCode::kCancelled;
    case SQLITE_TOOBIG:
      return ErrorCode::kInvalidArgument;
    default:  // CONSTRAINT, MISMATCH, MISUSE, RANGE, ERROR: our statements are wrong
      return ErrorCode::kInternal;
  }
}

std::unexpected<Error> failure(sqlite3* handle, int code) {
  const char* const detail = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return fail(translate(code), fmt::format("SQLite: {} (code {})", detail, code));
}

// A reader of ours holds the catalog for one query; an outsider may hold it for long and must not hold us.
constexpr int kBusyTimeoutMs = 100;

}  // namespace

void StatementFinalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}
void DatabaseCloser::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

Rows::~Rows() { sqlite3_reset(statement_); }

Result<bool> Rows::next() {
  const int code = bind_code_ != SQLITE_OK ? bind_code_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_), code);
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string Rows::text(int column) const { return std::string(as_text(blob(column))); }
ByteSpan Rows::blob(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? ByteSpan() : ByteSpan(static_cast<const std::byte*>(bytes), size);
}

int Statement::bind(int index, std::int64_t value) {
  return sqlite3_bind_int64(statement_.get(), index, value);
}
int Statement::bind(int index, std::nullopt_t) {
  return sqlite3_bind_null(statement_.get(), index);
}
int Statement::bind(int index, std::string_view value) {
  return sqlite3_bind_text64(statement_.get(), index, value.data() == nullptr ? "" : value.data(),
                             value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
int Statement::bind(int index, ByteSpan value) {
  return sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT);
}

Result<void> Statement::drain(Rows&& rows) {
  while (true) {
    LT_ASSIGN(const bool has_row, rows.next());
    if (!has_row) return {};
  }
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Access access) {
  const int flags =
      access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(handle));  // also a failed open has a handle
  if (code != SQLITE_OK) return std::unexpected(failure(handle, code).error().in(path));
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  const auto note_pages = [](void* pages, sqlite3*, const char*, int count) {
    *static_cast<std::int64_t*>(pages) = count;
    return SQLITE_OK;
  };
  // In the place of SQLite's own automatic checkpoint.
  sqlite3_wal_hook(handle, note_pages, &database->wal_pages_);
  // Whatever stands in the file's schema gets no more rights than our own statements need.
  LT_TRY(
      database->run_script("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                           "PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0;"
                           "PRAGMA temp_store = MEMORY;"));
  if (access == Access::kRead) LT_TRY(database->run_script("PRAGMA query_only = ON;"));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(handle_.get(), code);
  return Statement(statement);
}

Result<void> Database::run_script(std::string_view sql) {
  const char* at = sql.data();
  const char* const end = sql.data() + sql.size();
  while (at < end) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v2(handle_.get(), at, static_cast<int>(end - at), &raw, &at);
    if (code != SQLITE_OK) return failure(handle_.get(), code);
    if (raw == nullptr) continue;  // only blanks and comments
    Statement statement(raw);
    LT_TRY(statement.run());
  }
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  LT_ASSIGN(Statement statement, prepare(sql));
  Rows rows = statement.query();
  LT_ASSIGN(const bool has_row, rows.next());
  return has_row ? rows.integer(0) : 0;
}

Result<std::string> Database::text(std::string_view sql) {
  LT_ASSIGN(Statement statement, prepare(sql));
  Rows rows = statement.query();
  LT_ASSIGN(const bool has_row, rows.next());
  return has_row ? rows.text(0) : std::string();
}

Result<bool> Database::checkpoint(Checkpoint mode) {
  int log_frames = 0;
  int moved_frames = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      handle_.get(), nullptr,
      mode == Checkpoint::kPassive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE,
      &log_frames, &moved_frames);
  if ((code & 0xFF) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return failure(handle_.get(), code);
  return log_frames == moved_frames;
}

void Database::stop_when(std::stop_token stop) {
  stop_ = std::move(stop);
  const auto ask = [](void* token) {
    return static_cast<const std::stop_token*>(token)->stop_requested() ? 1 : 0;
  };
  constexpr int kInstructionsBetween = 10'000;
  sqlite3_progress_handler(handle_.get(), kInstructionsBetween, ask, &stop_);
}

Result<std::unique_ptr<Transaction>> Transaction::begin(Database& database) {
  LT_TRY(database.run_script("BEGIN IMMEDIATE"));
  return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
  // Fails only when SQLite has rolled back by itself already: the same outcome.
  if (is_open_) (void)database_.run_script("ROLLBACK");
}

Result<void> Transaction::commit() {
  LT_TRY(database_.run_script("COMMIT"));
  is_open_ = false;
  return {};
}

}  // namespace longtake::store::sqlite
