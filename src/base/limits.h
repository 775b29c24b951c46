#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

/// Every cap on what a camera, a client or a file can make large or slow, in one place. Each has a test at the cap
/// and one past it.
namespace longtake::limits {

// RTSP, from cameras (FAULTS CAM-03, CAM-04).
inline constexpr std::size_t kRtspLineBytes = 8 * 1024;
inline constexpr std::size_t kRtspHeaderBytes = 64 * 1024;
inline constexpr std::size_t kRtspHeaderCount = 100;
inline constexpr std::size_t kRtspBodyBytes = 1024 * 1024;
inline constexpr std::size_t kRtspJunkBytes = 256 * 1024;  // in a row, between frames
inline constexpr nanoseconds kRtspMessageDeadline = std::chrono::seconds(10);
inline constexpr nanoseconds kConnectDeadline = std::chrono::seconds(10);
inline constexpr std::size_t kSdpLines = 1000;
inline constexpr std::size_t kTracksPerSession = 8;  // further ones are skipped and reported

// Access units (CAM-23).
inline constexpr std::size_t kAccessUnitBytes = 16 * 1024 * 1024;
inline constexpr std::size_t kFragmentBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kParameterSetBytes = 64 * 1024;
inline constexpr std::size_t kNalUnitsPerAccessUnit = 4096;

// HTTP, from clients (SEC-05, SEC-06, SEC-17).
inline constexpr std::size_t kHttpHeaderBytes = 16 * 1024;
inline constexpr std::size_t kHttpBodyBytes = 1024 * 1024;
inline constexpr std::size_t kHttpTargetBytes = 4 * 1024;
inline constexpr nanoseconds kHttpHeaderDeadline = std::chrono::seconds(10);
inline constexpr nanoseconds kHttpWriteStall = std::chrono::seconds(30);
inline constexpr nanoseconds kHttpIdle = std::chrono::seconds(60);
inline constexpr std::size_t kHttpConnectionsPerAddress = 64;
inline constexpr std::size_t kHttpConnections = 512;
inline constexpr std::size_t kHttpAnswerBytes = 64 * 1024 * 1024;  // texts on their way, in all
inline constexpr std::size_t kHttpSmallAnswerBytes = 64 * 1024;    // sent beyond that, too
inline constexpr int kJsonDepth = 32;
inline constexpr microseconds kTimelineSpan = std::chrono::hours(24 * 31);

// Playback (SEC-18).
inline constexpr microseconds kPlaylistSpan = std::chrono::hours(24);
inline constexpr int kClips = 8;  // on their way at once; each may hold 12 MiB
inline constexpr std::size_t kPlaylistSegments = 10'000;  // files that one list may touch
inline constexpr microseconds kPlaylistSegmentSpan = std::chrono::minutes(30);  // a GOP has no end

// Memory and disk.
inline constexpr nanoseconds kRingLength =
    std::chrono::seconds(15);  // media kept per recording while a disk stalls
inline constexpr std::size_t kCameras = 1024;
inline constexpr std::uint64_t kQuarantineTailBytes = 64ULL * 1024 * 1024;

}  // namespace longtake::limits
