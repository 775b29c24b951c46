#pragma once

#include <condition_variable>
#include <mutex>

// Clang's thread-safety analysis; nothing elsewhere.
#if defined(__clang__)
#define LT_CAPABILITY(x) __attribute__((capability(x)))
#define LT_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define LT_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define LT_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define LT_EXCLUDES(...) __attribute__((locks_excluded(__VA_ARGS__)))
#define LT_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define LT_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#else
#define LT_CAPABILITY(x)
#define LT_SCOPED_CAPABILITY
#define LT_GUARDED_BY(x)
#define LT_REQUIRES(...)
#define LT_EXCLUDES(...)
#define LT_ACQUIRE(...)
#define LT_RELEASE(...)
#endif

namespace longtake::base {

/// A mutex the analysis knows. Private to its type, never held across I/O or a callback.
class LT_CAPABILITY("mutex") Mutex {
 public:
  void lock() LT_ACQUIRE() { mutex_.lock(); }
  void unlock() LT_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class LT_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) LT_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() LT_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits are on a Mutex held by a MutexLock; every wait has a deadline or a stop, so spurious wake-ups are
/// the caller's loop's business.
class Condition {
 public:
  template <class Rep, class Period>
  void wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> limit) LT_REQUIRES(mutex) {
    condition_.wait_for(mutex, limit);
  }
  void wake_one() { condition_.notify_one(); }
  void wake_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace longtake::base
