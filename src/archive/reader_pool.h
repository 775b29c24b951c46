#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace longtake::archive {

/// Catalog readers for whoever asks: one at a time each, kept for the next one.
///
/// Thread     `take` from any thread; a lease by whoever took it.
/// Limits     keeps as many as were ever used at once.
class ReaderPool {
 public:
  explicit ReaderPool(store::Store& store) : store_(store) {}

  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<store::CatalogReader> reader)
        : pool_(&pool), reader_(std::move(reader)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (reader_ != nullptr) pool_->give_back(std::move(reader_));
    }
    store::CatalogReader& operator*() { return *reader_; }
    store::CatalogReader* operator->() { return reader_.get(); }

   private:
    ReaderPool* pool_;
    std::unique_ptr<store::CatalogReader> reader_;
  };

  /// kUnavailable: the catalog is not open yet.
  Result<Lease> take() {
    if (!store_.is_ready()) {
      return fail(ErrorCode::kUnavailable, "the catalog is not open yet; try again in a moment");
    }
    {
      const base::MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Lease lease(*this, std::move(idle_.back()));
        idle_.pop_back();
        return lease;
      }
    }
    LT_ASSIGN(auto reader, store_.open_reader());
    return Lease(*this, std::move(reader));
  }

 private:
  void give_back(std::unique_ptr<store::CatalogReader> reader) {
    const base::MutexLock lock(mutex_);
    idle_.push_back(std::move(reader));
  }

  store::Store& store_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<store::CatalogReader>> idle_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
