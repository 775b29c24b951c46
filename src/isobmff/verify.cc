#include "isobmff/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "isobmff/box.h"
#include "isobmff/closing.h"
#include "isobmff/record_walker.h"
#include "isobmff/samples.h"

namespace longtake::isobmff {
namespace {

/// A file up to a given size: an open segment is judged by what is whole.
class FilePrefix final : public base::File {
 public:
  FilePrefix(base::File& file, std::uint64_t end_bytes) : file_(file), end_bytes_(end_bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= end_bytes_) return std::size_t{0};
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end_bytes_ - offset));
    return file_.read_at(offset, into.first(most));
  }
  Result<std::uint64_t> size() override {
    LT_ASSIGN(const std::uint64_t whole, file_.size());
    return std::min(whole, end_bytes_);
  }
  Result<void> write_at(std::uint64_t, std::span<const ByteSpan>) override { return refused(); }
  Result<void> start_write_back() override { return refused(); }
  Result<void> sync_data() override { return refused(); }
  Result<void> sync() override { return refused(); }
  Result<void> reserve(std::uint64_t, std::uint64_t) override { return refused(); }
  Result<void> truncate(std::uint64_t) override { return refused(); }
  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  static Result<void> refused() {
    return fail(ErrorCode::kPermissionDenied, "a checked file is read only");
  }
  base::File& file_;
  std::uint64_t end_bytes_;
};

bool straddles_page(std::uint64_t start, std::uint64_t bytes) {
  return start / kPageBytes != (start + bytes - 1) / kPageBytes;
}

class Verifier {
 public:
  explicit Verifier(base::File& file) : file_(file) {}

  Result<Verdict> run() {
    auto walker = RecordWalker::open(file_, Check::kAll);
    if (!walker && walker.error().code() == ErrorCode::kDataLoss) {
      add(0, walker.error().message());
      return std::move(verdict_);
    }
    if (!walker) return std::unexpected(std::move(walker).error());
    for (;;) {
      LT_ASSIGN(const auto record, walker->next());
      if (!record) break;
      LT_TRY(check_fragment(*record, walker->so_far().index));
    }
    Walk walked = std::move(*walker).finish();
    LT_TRY(check_end(walked));
    verdict_.index = std::move(walked.index);
    return std::move(verdict_);
  }

 private:
  void add(std::uint64_t offset, std::string what) {
    if (verdict_.findings.size() >= Verdict::kMaxFindings) return;
    if (verdict_.findings.size() + 1 == Verdict::kMaxFindings) what = "more findings, not listed";
    verdict_.findings.push_back({offset, std::move(what)});
  }

  Result<void> check_fragment(const Record& record, const media::FragmentIndex& index) {
    const media::FragmentEntry& entry = record.entry;
    check_placement(entry);
    check_order(entry);
    head_.resize(entry.head_bytes);
    LT_ASSIGN(const std::size_t read, file_.read_at(entry.offset_bytes, head_));
    const auto fragment = read_samples(ByteSpan(head_).first(read));
    if (!fragment) {
      add(entry.offset_bytes, fragment.error().message());
      return {};
    }
    check_fields(record, *fragment, index);
    return {};
  }

  void check_placement(const media::FragmentEntry& entry) {
    const std::uint64_t moof = entry.offset_bytes + entry.record_bytes;
    const std::uint64_t head_bytes = entry.head_bytes - entry.record_bytes;
    const bool fits = head_bytes <= kPageBytes - kMinRecordBytes;
    const bool is_placed =
        fits ? !straddles_page(moof, head_bytes)
             : moof % kPageBytes < kMinRecordBytes || !straddles_page(moof, head_bytes);
    if (straddles_page(entry.offset_bytes, kMinRecordBytes) || !is_placed) {
      add(entry.offset_bytes,
          "a record, or a moof and its mdat header, straddles a 4 KiB boundary");
    }
  }

  void check_order(const media::FragmentEntry& entry) {
    std::int64_t& previous = last_start_[entry.track];
    if (entry.media_start_ticks < previous) {
      add(entry.offset_bytes, fmt::format("track {}: media time goes back from {} to {}",
                                          entry.track, previous, entry.media_start_ticks));
    }
    previous = entry.media_start_ticks;
  }

  void check_fields(const Record& record, const MovieFragment& fragment,
                    const media::FragmentIndex& index) {
    const media::FragmentEntry& entry = record.entry;
    const auto same = [&](std::string_view name, auto in_moof, auto in_record) {
      if (in_moof == in_record) return;
      add(entry.offset_bytes,
          fmt::format("{}: moof says {}, the record {}", name, in_moof, in_record));
    };
    std::int64_t duration = 0;
    bool has_later_sync = false;
    for (const Sample& sample : fragment.samples) {
      duration += sample.duration_ticks;
      has_later_sync |= sample.is_sync && &sample != &fragment.samples.front();
    }
    same("sequence", fragment.sequence, record.number);
    same("track", unsigned{fragment.track}, unsigned{entry.track});
    same("media start", fragment.decode_ticks, entry.media_start_ticks);
    same("sample count", fragment.samples.size(), std::size_t{entry.sample_count});
    same("duration", duration, entry.duration_ticks);
    same("bytes of mdat", fragment.mdat_bytes, mdat_bytes(entry));
    same("sync", fragment.samples.front().is_sync, entry.is_sync);
    same("composition offset", fragment.samples.front().composition_ticks, entry.composition_ticks);
    const bool is_video = std::ranges::any_of(index.tracks, [&entry](const auto& track) {
      return track->track == entry.track && track->kind == media::TrackKind::kVideo;
    });
    if (is_video && has_later_sync) add(entry.offset_bytes, "more than one GOP in a fragment");
  }

  Result<void> check_end(const Walk& walked) {
    if (walked.stop == Stop::kEnd) return {};
    if (walked.stop != Stop::kClosing) {
      add(walked.stop_bytes, fmt::format("{} ({})", walked.detail, to_string(walked.stop)));
      return {};
    }
    verdict_.is_closed = true;
    const Bytes expected = make_closing(walked.index, walked.last_crc);
    if (walked.file_bytes - walked.stop_bytes != expected.size()) {
      add(walked.stop_bytes,
          fmt::format("summary and mfra are {} bytes; of these fragments they are {}",
                      walked.file_bytes - walked.stop_bytes, expected.size()));
      return {};
    }
    Bytes closing(expected.size());
    LT_ASSIGN(const std::size_t read, file_.read_at(walked.stop_bytes, closing));
    const auto [here, there] = std::ranges::mismatch(ByteSpan(closing).first(read), expected);
    if (there == expected.end()) return {};
    const auto at = static_cast<std::size_t>(there - expected.begin());
    const bool is_summary = at < peek_box_header(expected)->size;
    add(walked.stop_bytes + at, is_summary ? "the summary is not that of these fragments"
                                           : "mfra is not that of these fragments");
    return {};
  }

  base::File& file_;
  Verdict verdict_;
  std::array<std::int64_t, 256> last_start_{};  // by track
  Bytes head_;
};

}  // namespace

Result<Verdict> verify(base::File& file) { return Verifier(file).run(); }

Result<Verdict> verify_until(base::File& file, std::uint64_t end_bytes) {
  FilePrefix prefix(file, end_bytes);
  return verify(prefix);
}

}  // namespace longtake::isobmff
