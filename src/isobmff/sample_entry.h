#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "isobmff/box.h"
#include "media/track.h"

/// Sample entries: what stsd says of a codec. One table row per codec, with one function that
/// writes and one that reads.
namespace longtake::isobmff {

/// Appends the track's sample entry (avc1 + avcC, mp4a + esds).
///
/// Errors     kInvalidArgument when the configuration cannot be said in one: no decoder
///            configuration, 65,536 pixels and more, a video codec on an audio track. Nothing is
///            appended then.
/// Source     ISO/IEC 14496-12 §8.5.2, 14496-15 §5.4.2, 14496-14 §6.7.
Result<void> write_sample_entry(ByteWriter& out, const media::TrackConfig& track);

/// Fills codec, decoder_config, codec_string and size or sample rate and channels.
///
/// Errors     kFailedPrecondition: a codec this version does not know. kDataLoss: not a sample
///            entry.
Result<void> read_sample_entry(const Box& entry, media::TrackConfig& into);

}  // namespace longtake::isobmff
