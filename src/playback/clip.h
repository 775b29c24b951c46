#pragma once

#include <memory>

#include "archive/archive.h"
#include "media/grant.h"
#include "playback/body.h"
#include "playback/clip_plan.h"

namespace longtake::playback {

/// A clip as one progressive MP4: ftyp, moov with sample tables, mdat; its length is known from the plan. Tables are made
/// when their part is asked for, out of the fragments' own heads, and the samples are sent as they lie in the files.
///
/// Ownership  the archive outlives it.
/// Thread     one user at a time.
/// Limits     a few open files; 64 KiB of tables at a time beside the plan.
/// Errors     slice_at: kNotFound when retention took a file that is still to come; kDataLoss when a head is not what the
///            index said.
/// Source     ISO/IEC 14496-12 §8.2 to §8.7; docs/design/playback.md, "Clips".
std::unique_ptr<Body> make_clip(archive::Archive& archive, const media::ReadGrant& grant,
                                ClipPlan plan);

}  // namespace longtake::playback
