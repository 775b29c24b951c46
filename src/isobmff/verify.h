#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "media/fragment_index.h"

/// The judge behind `longtake check`: one segment file, all of it.
namespace longtake::isobmff {

struct Finding {
  std::uint64_t offset_bytes = 0;  // within the file
  std::string what;
};

struct Verdict {
  media::FragmentIndex index;  // as the records tell it, up to the first that does not hold
  bool is_closed =
      false;  // a summary and mfra follow the last fragment; false: still open, or cut by recovery
  std::vector<Finding>
      findings;  // none: all is well; at most kMaxFindings, the last of which says so

  static constexpr std::size_t kMaxFindings = 100;
};

/// Every box and every CRC; the chain of the records; moof's fields against the record's; one GOP a
/// fragment; times from 0 and never backward; rule 4; summary equal to the records, mfra equal to
/// the fragments, nothing behind it. Zeros or a torn fragment at the end are findings: recovery
/// should have cut them (an open file is checked up to its last whole fragment by the caller, who
/// knows where that is: pass `end_bytes`).
///
/// Limits     holds the index, the head of one fragment (2 MiB at most) and 256 KiB.
/// Errors     what the file gives on reading; kFailedPrecondition: of a later version. A file
///            without an init segment is a finding, not an error.
Result<Verdict> verify(base::File& file);
/// Only the first `end_bytes` bytes: an open segment up to what is known to be whole.
Result<Verdict> verify_until(base::File& file, std::uint64_t end_bytes);

}  // namespace longtake::isobmff
