#include "store/catalog_dump.h"

#include <unordered_map>

#include "base/digest.h"
#include "store/sqlite.h"

namespace longtake::store {

namespace {

// Ids unsigned, as the rest of the program prints them; NULL as "-".
constexpr std::string_view kDumpSql[] = {
    "SELECT 'process|' || start || '|' || boot_id || '|' || started_us || '|'"
    " || coalesce(stopped_us, '-') FROM process",
    "SELECT printf('recording|%016x|', id) || name || '|' || created_us || '|'"
    " || coalesce(armed_since_us, '-') || '|' || coalesce(gap_since_us, '-') || '|'"
    " || coalesce(gap_reason, '-') || '|' || closed_bytes || '|' || closed_segments"
    " FROM recordings ORDER BY id",
    "SELECT printf('armed|%016x|%d|%d', recording, start_us, end_us) FROM armed"
    " ORDER BY recording, start_us",
    "SELECT printf('run|%016x|%x|%d', r.recording, r.run, r.redate_us) FROM runs AS r"
    " WHERE EXISTS (SELECT 1 FROM segments AS s WHERE s.recording = r.recording AND s.run = r.run)"
    " ORDER BY r.recording, r.run",
    "SELECT printf('segment|%016x|%x-%d|%s|%d|%d|%d|%d|%d|', recording, run, sequence, day,"
    " start_us, end_us, size_bytes, state, is_recovered) || coalesce(hex(spans), '-')"
    " FROM segments ORDER BY recording, run, sequence",
    "SELECT printf('span|%016x|%d|%d', recording, start_us, end_us) FROM spans"
    " ORDER BY recording, start_us",
    "SELECT printf('reason|%016x|%d|%d|%d|%d', recording, start_us, end_us, reason, is_after_gap)"
    " FROM reasons ORDER BY recording, start_us",
    "SELECT printf('degraded|%016x|%d|%d|%d|%d', d.recording, d.reason, d.start_us, d.end_us,"
    " d.count) FROM degraded AS d WHERE NOT coalesce(d.end_us <= (SELECT min(s.start_us)"
    " FROM spans AS s WHERE s.recording = d.recording), 0)"
    " ORDER BY d.recording, d.reason, d.start_us",
};

std::uint64_t fingerprint(std::string_view line) {
  const base::Sha256 hash = base::sha256({as_bytes(line)});
  return Cursor(hash).u64().value_or(0);
}

}  // namespace

Result<void> dump_catalog(const std::string& path,
                          const std::function<void(std::string_view line)>& take) {
  LT_ASSIGN(const auto database, sqlite::Database::open(path, sqlite::Access::kRead));
  LT_TRY(database->run_script("BEGIN"));
  for (const std::string_view sql : kDumpSql) {
    LT_ASSIGN(sqlite::Statement statement, database->prepare(sql));
    sqlite::Rows rows = statement.query();
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row) break;
      take(as_text(rows.blob(0)));
    }
  }
  return {};
}

Result<std::vector<CatalogDifference>> compare_catalogs(const std::string& first,
                                                        const std::string& second,
                                                        std::size_t limit) {
  std::unordered_map<std::uint64_t, int> surplus;  // of the first over the second
  LT_TRY(dump_catalog(first, [&](std::string_view line) { ++surplus[fingerprint(line)]; }));
  LT_TRY(dump_catalog(second, [&](std::string_view line) {
    const auto found = surplus.try_emplace(fingerprint(line), 0).first;
    if (--found->second == 0) surplus.erase(found);
  }));
  std::vector<CatalogDifference> differences;
  if (surplus.empty()) return differences;
  const auto collect = [&](const std::string& path, int sign) {
    return dump_catalog(path, [&](std::string_view line) {
      const auto found = surplus.find(fingerprint(line));
      if (found == surplus.end() || found->second * sign <= 0 || differences.size() >= limit)
        return;
      differences.push_back({std::string(line), sign > 0});
    });
  };
  LT_TRY(collect(first, 1));
  LT_TRY(collect(second, -1));
  return differences;
}

}  // namespace longtake::store
