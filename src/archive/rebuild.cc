#include "archive/rebuild.h"

#include "archive/manifest.h"
#include "archive/media_facts.h"
#include "archive/volume.h"

namespace longtake::archive {

Result<RebuildReport> rebuild(base::FileSystem& files, const std::string& catalog_path,
                              const std::function<void(const RebuildReport&)>& progress) {
  if (const auto manifest = read_volume_manifest(files); !manifest) {
    return fail(ErrorCode::kFailedPrecondition,
                "not a data folder of longtake: " + manifest.error().message());
  }
  auto lock = files.lock(kVolumeLockPath);
  if (!lock) {
    return fail(ErrorCode::kFailedPrecondition,
                "a server is running on this folder; stop it first (it also rebuilds a broken "
                "catalog by itself)");
  }
  const auto report_of = [](const store::RebuildProgress& done) {
    return RebuildReport{done.ledger_facts, done.media_facts};
  };
  store::RebuildOptions options;
  options.ledger_folder = kLedgerFolder;
  options.media_facts = [&](const store::FactTaker& take) { return tell_media_facts(files, take); };
  options.progress = [&](const store::RebuildProgress& done) {
    if (progress) progress(report_of(done));
  };
  LT_ASSIGN(const store::RebuildProgress done,
            store::rebuild_catalog(files, catalog_path, options));
  return report_of(done);
}

}  // namespace longtake::archive
