#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "isobmff/summary.h"

/// What an orderly close appends to a segment: summary and mfra.
namespace longtake::isobmff {

/// Summary and mfra for the file whose fragments end at `index.end_bytes()`, where they are to be
/// written. `last_record_crc` is FragmentBuilder::last_crc.
Bytes make_closing(const media::FragmentIndex& index, std::uint32_t last_record_crc);

/// Finds the summary from the end of the file: mfro, the last 16 bytes, gives mfra's size; the
/// summary ends before mfra with its own size. One read of kClosingReadBytes, and a second where
/// the summary does not fit in it.
///
/// Nothing when there is none that can be believed: the CRC must hold, the entries must fill the
/// file exactly from init segment to summary, and mfra must end it. Only then; the fragments
/// themselves are not looked at.
///
/// Errors     what the file gives; kFailedPrecondition: a summary of a later version.
Result<std::optional<Summary>> read_closing(base::File& file);

}  // namespace longtake::isobmff
