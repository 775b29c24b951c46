#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/media_scan.h"
#include "archive/recorder.h"
#include "archive/recording_facts.h"
#include "archive/recording_writer.h"
#include "archive/volume.h"
#include "base/mutex.h"

namespace longtake::archive {

/// One recording that this life has touched: its facts, its writer, and who has its one handle.
///
/// Thread     any.
class KnownRecording {
 public:
  KnownRecording(RecordingFolder folder, store::FactSink& store)
      : facts(folder.id, store), folder_(std::move(folder)) {}

  [[nodiscard]] const RecordingFolder& folder() const { return folder_; }
  /// Made with the first handle, stays for the life; null before.
  [[nodiscard]] std::shared_ptr<RecordingWriter> writer() const;
  /// The handle's recorder's; stopped while there is none.
  [[nodiscard]] RecordingState state() const;

  struct Claim {
    std::shared_ptr<RecordingWriter> writer;
    bool was_armed = false;
  };
  /// Takes the handle and arms. Nothing: somebody has it.
  std::optional<Claim> claim(const std::function<std::shared_ptr<RecordingWriter>()>& make_writer);
  /// Whose state this is, while there is a handle.
  void set_recorder(const Recorder& recorder);
  /// The handle is given back. The writer goes on with what it has.
  void release();
  void disarm();

  RecordingFacts facts;

 private:
  const RecordingFolder folder_;
  mutable base::Mutex mutex_;
  std::shared_ptr<RecordingWriter> writer_ LT_GUARDED_BY(mutex_);
  const Recorder* recorder_ LT_GUARDED_BY(mutex_) = nullptr;
  bool has_handle_ LT_GUARDED_BY(mutex_) = false;
  // Until we know better; arming again what is armed changes nothing.
  bool is_armed_ LT_GUARDED_BY(mutex_) = true;
};

/// The recordings that this life has touched, by name.
///
/// Thread     any.
/// Limits     one entry a recording of the volume.
class Roster {
 public:
  Roster(const Volume& volume, store::FactSink& store) : volume_(volume), store_(store) {}

  std::shared_ptr<KnownRecording> entry_of(const RecordingFolder& folder);
  /// Null: the volume has none of that name.
  std::shared_ptr<KnownRecording> find(const std::string& name);
  /// kNotFound where `find` says null.
  Result<std::shared_ptr<KnownRecording>> require(const std::string& name);
  [[nodiscard]] std::vector<std::shared_ptr<KnownRecording>> all() const;

 private:
  const Volume& volume_;
  store::FactSink& store_;
  mutable base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<KnownRecording>> recordings_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
