#include "sim/camera/camera.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/crc32c.h"

namespace longtake::camsim {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr double kVideoClockHz = 90000;
constexpr std::int64_t kSamplesPerAudioFrame = 1024;
constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;

std::uint32_t scramble(std::uint64_t value) {
  // The finalizer of splitmix64 (Steele, Lea, Flood 2014): far apart for neighbours, the same on
  // every machine.
  value = (value ^ value >> 30U) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27U) * 0x94d049bb133111ebULL;
  return static_cast<std::uint32_t>(value ^ value >> 31U);
}

std::int64_t ticks_in(std::chrono::milliseconds step, double rate_hz) {
  return std::llround(static_cast<double>(step.count()) * rate_hz / 1000);
}

}  // namespace

Camera::Camera(std::string name, PacketizedMediaPtr media, PictureRate rate, SimTime start,
               microseconds wall_start, microseconds phase, std::uint64_t seed)
    : authenticator(seed),
      name_(std::move(name)),
      rate_(rate),
      start_(start + phase),
      wall_start_(wall_start + phase),
      id_(base::crc32c(as_bytes(name_))),
      ssrc_(scramble(seed ^ id_)),
      speed_since_(start_) {
  spans_.push_back({0, std::move(media)});
  video_ = {0, scramble(seed + id_ + 1) / 2, kVideoClockHz / rate_.per_second(), Position{0}};
  audio_ = {0, scramble(seed + id_ + 2) / 2, static_cast<double>(kSamplesPerAudioFrame),
            Position{0}};
}

Camera::Position Camera::position_at(SimTime now) const {
  const double elapsed = std::chrono::duration<double, std::micro>(now - speed_since_).count();
  return speed_position_ + Position(std::llround(std::floor(elapsed * speed_)));
}

Camera::Position Camera::position_of(std::uint64_t number) const {
  const auto n = static_cast<std::int64_t>(number);
  // Rounded up, so that pictures_until(time_of(n)) counts n.
  return Position((n * rate_.seconds * kMicrosecondsPerSecond + rate_.pictures - 1) /
                  rate_.pictures);
}

std::uint64_t Camera::pictures_until(SimTime now) const {
  const Position position = position_at(now);
  if (position < Position{0}) return 0;
  return static_cast<std::uint64_t>(position.count() * rate_.pictures /
                                    (rate_.seconds * kMicrosecondsPerSecond)) +
         1;
}

SimTime Camera::time_of(std::uint64_t number) const {
  const double ahead =
      static_cast<double>((position_of(number) - speed_position_).count()) / speed_;
  return speed_since_ + microseconds(std::llround(std::ceil(ahead)));
}

double Camera::audio_rate_hz() const {
  const auto& track = media()->file->audio;
  return track ? track->rate_hz : 48000;
}

std::uint64_t Camera::audio_until(SimTime now) const {
  const Position ahead = position_at(now) - audio_.position;
  if (ahead < Position{0}) return audio_.number;
  const double frames =
      static_cast<double>(ahead.count()) * audio_rate_hz() / (1e6 * kSamplesPerAudioFrame);
  return audio_.number + static_cast<std::uint64_t>(frames) + 1;
}

std::uint64_t Camera::audio_at_picture(std::uint64_t number) const {
  const Position ahead = position_of(number) - audio_.position;
  if (ahead <= Position{0}) return audio_.number;
  const double frames =
      static_cast<double>(ahead.count()) * audio_rate_hz() / (1e6 * kSamplesPerAudioFrame);
  return audio_.number + static_cast<std::uint64_t>(std::ceil(frames));
}

const Camera::Span& Camera::span_of(std::uint64_t number) const {
  for (std::size_t i = spans_.size(); i-- > 1;) {
    if (spans_[i].first <= number) return spans_[i];
  }
  return spans_.front();
}

const Picture& Camera::filed_picture(std::uint64_t number, std::size_t& index) const {
  const Span& span = span_of(number);
  const auto& pictures = span.media->file->pictures;
  index = number < span.first ? 0 : (number - span.first) % pictures.size();
  if (number >= no_key_from_ && number < no_key_until_) {
    // A neighbour stands in for the key picture: it will not decode, but nothing is missing.
    for (std::size_t i = 0; pictures[index].is_key && i < pictures.size(); ++i) {
      index = index == 0 ? pictures.size() - 1 : index - 1;
    }
  }
  return pictures[index];
}

bool Camera::is_key(std::uint64_t number) const {
  std::size_t index = 0;
  return filed_picture(number, index).is_key;
}

std::uint64_t Camera::next_key_from(std::uint64_t number) const {
  while (!is_key(number)) {
    // While keys are withheld nothing can be waited for.
    if (number >= no_key_from_ && number < no_key_until_) return number;
    ++number;
  }
  return number;
}

std::uint64_t Camera::last_key_until(std::uint64_t number) const {
  while (number > 0 && !is_key(number)) --number;
  return number;
}

std::uint32_t Camera::video_ticks(std::uint64_t number, std::int32_t reorder) const {
  const auto ahead = static_cast<double>(static_cast<std::int64_t>(number - video_.number));
  const auto true_ticks = static_cast<std::uint32_t>(
      video_.value + std::llround((ahead + reorder) * video_.per_item * media_rate_));
  switch (settings.timestamps) {
    case TimestampMode::kTrue:
      return true_ticks;
    case TimestampMode::kZero:
      return 0;
    case TimestampMode::kConstant:
      return constant_ticks_;
    case TimestampMode::kRandom:
      return scramble(number + 1);
    case TimestampMode::kBackward:
      return constant_ticks_ - (true_ticks - constant_ticks_);
  }
  return true_ticks;
}

TakenPicture Camera::picture(std::uint64_t number) const {
  TakenPicture taken;
  std::size_t index = 0;
  taken.picture = &filed_picture(number, index);
  taken.packets = &span_of(number).media->pictures[index];
  taken.number = number;
  taken.is_key = taken.picture->is_key;
  taken.is_oversize = oversize_ == number;
  taken.rtp_timestamp = video_ticks(number, taken.picture->reorder);
  taken.wall_time = wall_at(time_of(number));
  return taken;
}

std::optional<TakenAudio> Camera::audio(std::uint64_t number) const {
  const auto& frames = media()->audio;
  if (frames.empty() || number < audio_.number) return std::nullopt;
  const auto ahead = static_cast<double>(number - audio_.number);
  return TakenAudio{&frames[number % frames.size()],
                    static_cast<std::uint32_t>(
                        audio_.value + std::llround(ahead * audio_.per_item * media_rate_))};
}

std::uint32_t Camera::rtp_time(bool is_video, SimTime now) const {
  const double position = static_cast<double>(position_at(now).count()) / 1e6;
  if (is_video) {
    const double anchor = static_cast<double>(position_of(video_.number).count()) / 1e6;
    return static_cast<std::uint32_t>(
        video_.value + std::llround((position - anchor) * kVideoClockHz * media_rate_));
  }
  const double anchor = static_cast<double>(audio_.position.count()) / 1e6;
  return static_cast<std::uint32_t>(
      audio_.value + std::llround((position - anchor) * audio_rate_hz() * media_rate_));
}

microseconds Camera::wall_at(SimTime now) const {
  return wall_start_ + duration_cast<microseconds>(now - start_);
}

void Camera::anchor_video(SimTime now) {
  const std::uint64_t next = pictures_until(now);
  const auto ahead = static_cast<double>(next - video_.number);
  video_.value += std::llround(ahead * video_.per_item * media_rate_);
  video_.number = next;
}

void Camera::anchor_audio(SimTime now) {
  const std::uint64_t next = audio_until(now);
  const auto ahead = static_cast<double>(next - audio_.number);
  audio_.value += std::llround(ahead * audio_.per_item * media_rate_);
  audio_.position += Position(std::llround(ahead * kSamplesPerAudioFrame * 1e6 / audio_rate_hz()));
  audio_.number = next;
}

void Camera::set_speed(double factor, SimTime now) {
  speed_position_ = position_at(now);
  speed_since_ = now;
  speed_ = factor;
}

void Camera::jump(std::chrono::milliseconds step, SimTime now) {
  anchor_video(now);
  anchor_audio(now);
  video_.value += ticks_in(step, kVideoClockHz);
  audio_.value += ticks_in(step, audio_rate_hz());
}

void Camera::approach_wrap(std::chrono::milliseconds before, SimTime now) {
  anchor_video(now);
  anchor_audio(now);
  video_.value = (std::int64_t{1} << 32U) - ticks_in(before, kVideoClockHz);
  audio_.value = (std::int64_t{1} << 32U) - ticks_in(before, audio_rate_hz());
}

void Camera::set_media_rate(double factor, SimTime now) {
  anchor_video(now);
  anchor_audio(now);
  media_rate_ = factor;
}

void Camera::set_timestamps(TimestampMode mode, SimTime now) {
  settings.timestamps = TimestampMode::kTrue;
  constant_ticks_ = video_ticks(pictures_until(now), 0);
  settings.timestamps = mode;
}

void Camera::switch_media(PacketizedMediaPtr media, SimTime now) {
  anchor_audio(now);
  spans_.push_back({pictures_until(now), std::move(media)});
  // Sessions that lag behind (a stall) may still read the two before; nobody lags further.
  if (spans_.size() > 3) spans_.erase(spans_.begin());
}

void Camera::withhold_keys(std::chrono::milliseconds duration, SimTime now) {
  no_key_from_ = pictures_until(now);
  no_key_until_ = pictures_until(now + duration);
}

void Camera::make_oversize(std::size_t bytes, SimTime now) {
  oversize_ = pictures_until(now);
  oversize_bytes_ = bytes;
}

}  // namespace longtake::camsim
