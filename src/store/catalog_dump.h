#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The catalog as text, so that two can be compared: the live one and the rebuilt one must be equal, line by line.
///
/// Form       one line a row, "table|column|column…", tables and rows in a fixed order. Left out: `meta` (how far, not
///            what), and rows that no longer count (store/catalog_snapshot.h: degraded time before everything recorded,
///            redates of runs without segments).
/// Thread     opens its own read-only connection; one consistent view, beside a running writer.
namespace longtake::store {

Result<void> dump_catalog(const std::string& path,
                          const std::function<void(std::string_view line)>& take);

struct CatalogDifference {
  std::string line;
  bool is_in_first = false;  // else in the second
};
/// Lines that only one of the two has, at most `limit`. Memory: 16 bytes a row.
Result<std::vector<CatalogDifference>> compare_catalogs(const std::string& first,
                                                        const std::string& second,
                                                        std::size_t limit);

}  // namespace longtake::store
