#include "store/fact_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace longtake::store {

namespace {

class PayloadWriter {
 public:
  explicit PayloadWriter(Bytes& out) : out_(out) {}

  void put(std::uint32_t value) { out_.u32(value); }
  void put(std::uint64_t value) { out_.u64(value); }
  void put(bool value) { out_.u8(value ? 1 : 0); }
  void put(WallTime value) { out_.i64(value.time_since_epoch().count()); }
  void put(microseconds value) { out_.i64(value.count()); }
  void put(media::RecordingId value) { out_.u64(value.value); }
  void put(media::RunId value) { out_.u64(value.value); }
  void put(media::Reason value) { out_.u8(static_cast<std::uint8_t>(value)); }
  void put(media::SegmentId value) {
    put(value.run);
    put(value.sequence);
  }
  void put(TimeRange value) {
    put(value.start);
    put(value.end);
  }
  void put(const std::string& value) {
    const auto kept = std::string_view(value).substr(0, kFactTextBytes);
    out_.u16(static_cast<std::uint16_t>(kept.size())).text(kept);
  }
  void put(const std::vector<TimeRange>& value) {
    const std::size_t kept = std::min(value.size(), kFactSpans);
    out_.u16(static_cast<std::uint16_t>(kept));
    for (std::size_t i = 0; i < kept; ++i) put(value[i]);
  }

 private:
  ByteWriter out_;
};

/// Reads fields until one is missing or unknown; the caller asks once, at the end.
class PayloadReader {
 public:
  explicit PayloadReader(ByteSpan bytes) : in_(bytes) {}

  [[nodiscard]] bool is_short() const { return is_short_; }
  [[nodiscard]] bool is_unknown() const { return is_unknown_; }

  void get(std::uint8_t& value) { take(value, in_.u8()); }
  void get(std::uint16_t& value) { take(value, in_.u16()); }
  void get(std::uint32_t& value) { take(value, in_.u32()); }
  void get(std::uint64_t& value) { take(value, in_.u64()); }
  void get(bool& value) { value = read<std::uint8_t>() != 0; }
  void get(WallTime& value) { value = WallTime(microseconds(read_signed())); }
  void get(microseconds& value) { value = microseconds(read_signed()); }
  void get(media::RecordingId& value) { get(value.value); }
  void get(media::RunId& value) { get(value.value); }
  void get(media::Reason& value) {
    const auto reason = media::reason_from_number(read<std::uint8_t>());
    if (reason) value = *reason;
    is_unknown_ = is_unknown_ || !reason;
  }
  void get(media::SegmentId& value) {
    get(value.run);
    get(value.sequence);
  }
  void get(TimeRange& value) {
    get(value.start);
    get(value.end);
  }
  void get(std::string& value) {
    const auto bytes = in_.take(read<std::uint16_t>());
    if (bytes) value = std::string(as_text(*bytes));
    is_short_ = is_short_ || !bytes;
  }
  void get(std::vector<TimeRange>& value) {
    const std::size_t count = read<std::uint16_t>();
    // Before the memory is asked for: the count is a claim, the bytes are there or not.
    if (count * 16 > in_.remaining()) {
      is_short_ = true;
      return;
    }
    value.resize(count);
    for (TimeRange& range : value) get(range);
  }

 private:
  template <class T>
  void take(T& value, std::optional<T> read_value) {
    value = read_value.value_or(T{});
    is_short_ = is_short_ || !read_value;
  }
  template <class T>
  T read() {
    T value{};
    get(value);
    return value;
  }
  std::int64_t read_signed() { return static_cast<std::int64_t>(read<std::uint64_t>()); }

  Cursor in_;
  bool is_short_ = false;
  bool is_unknown_ = false;
};

// One list of fields a type, for both directions.
template <class F, class Io>
void each_field(F& fact, Io&& io) {
  using T = std::remove_const_t<F>;
  const auto all = [&](auto&... fields) { (io(fields), ...); };
  if constexpr (std::is_same_v<T, ProcessStarted>) all(fact.start, fact.boot_id, fact.at);
  if constexpr (std::is_same_v<T, ProcessStopped>) all(fact.start, fact.at);
  if constexpr (std::is_same_v<T, RecordingCreated>) all(fact.recording, fact.name, fact.at);
  if constexpr (std::is_same_v<T, Armed>) all(fact.recording, fact.at);
  if constexpr (std::is_same_v<T, Disarmed>) all(fact.recording, fact.at);
  if constexpr (std::is_same_v<T, RunStarted>)
    all(fact.recording, fact.run, fact.wall_start, fact.uncertainty, fact.is_time_uncertain,
        fact.cause);
  if constexpr (std::is_same_v<T, RunRedated>) all(fact.recording, fact.run, fact.by);
  if constexpr (std::is_same_v<T, SegmentOpened>)
    all(fact.recording, fact.segment, fact.day, fact.at);
  if constexpr (std::is_same_v<T, SegmentClosed>)
    all(fact.recording, fact.segment, fact.day, fact.size_bytes, fact.is_recovered, fact.spans);
  if constexpr (std::is_same_v<T, SegmentDeleted>)
    all(fact.recording, fact.segment, fact.reason, fact.spans);
  if constexpr (std::is_same_v<T, GapOpened>)
    all(fact.recording, fact.from, fact.reason, fact.detail);
  if constexpr (std::is_same_v<T, GapClosed>) all(fact.recording, fact.to);
  if constexpr (std::is_same_v<T, GapNoted>)
    all(fact.recording, fact.range, fact.reason, fact.detail);
  if constexpr (std::is_same_v<T, DegradedNoted>)
    all(fact.recording, fact.range, fact.reason, fact.count);
}

template <class F>
Result<std::optional<Fact>> decode_as(PayloadReader in) {
  F fact;
  each_field(fact, [&](auto& field) { in.get(field); });
  if (in.is_short()) return fail(ErrorCode::kDataLoss, "the payload is too short for its type");
  if (in.is_unknown()) return std::optional<Fact>();
  return std::optional<Fact>(std::move(fact));
}

template <std::size_t... kIndex>
Result<std::optional<Fact>> decode_index(std::size_t index, ByteSpan payload,
                                         std::index_sequence<kIndex...>) {
  using Decode = Result<std::optional<Fact>> (*)(PayloadReader);
  constexpr std::array<Decode, sizeof...(kIndex)> kDecoders = {
      &decode_as<std::variant_alternative_t<kIndex, Fact>>...};
  return kDecoders.at(index)(PayloadReader(payload));
}

}  // namespace

std::uint16_t type_of(const Fact& fact) { return static_cast<std::uint16_t>(fact.index() + 1); }

void encode_fact(const Fact& fact, Bytes& out) {
  PayloadWriter writer(out);
  std::visit([&](const auto& kind) { each_field(kind, [&](const auto& f) { writer.put(f); }); },
             fact);
}

Result<std::optional<Fact>> decode_fact(std::uint16_t type, std::uint8_t /*version*/,
                                        ByteSpan payload) {
  // Version 1 is the only one; a higher one has further fields behind those read here.
  constexpr std::size_t kTypes = std::variant_size_v<Fact>;
  if (type < 1 || type > kTypes) return std::optional<Fact>();
  return decode_index(type - 1U, payload, std::make_index_sequence<kTypes>());
}

}  // namespace longtake::store
