#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace longtake::base {

/// A folder of a test's own, below TMPDIR; removed with what is in it.
class TestFolder {
 public:
  TestFolder() : path_((std::filesystem::temp_directory_path() / "longtake-test-XXXXXX").string()) {
    LT_CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace longtake::base
