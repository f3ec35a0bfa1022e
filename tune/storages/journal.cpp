// Studies in a journal: a file to which lines are added, and nothing else. Each open study reads it
// for itself.

#include <mutex>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/journal_log.h"

namespace attune::tune {
namespace {

class JournalStorage : public Storage {
 public:
  JournalStorage(std::string path, JournalOptions options)
      : path_(std::move(path)), options_(options) {
    const journal::File file(path_);
    if (file.exists()) {
      file.check_kind();
    } else if (options_.create) {
      check_folder(path_);
    } else {
      journal::File(path_).read(0, [](std::string_view) { return size_t{0}; });  // says so
    }
  }

  std::unique_ptr<StudyLog> open(const std::string& name, const std::vector<Direction>& directions,
                                 const std::vector<Attribute>& attributes) override {
    const std::lock_guard lock(mutex_);
    journal::File file(path_);
    if (!file.exists() && options_.create) {
      if (directions.empty()) return nullptr;
      file.make();
    }
    auto log = std::make_unique<JournalLog>(path_, name, false);
    if (!log->found()) {
      if (directions.empty()) return nullptr;
      log->make(directions, attributes);
    }
    return log;
  }

  std::unique_ptr<StudyLog> view(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (not_made()) return nullptr;
    auto log = std::make_unique<JournalLog>(path_, name, true);
    if (!log->found()) return nullptr;
    return log;
  }

  std::vector<StudyInfo> studies() override {
    const std::lock_guard lock(mutex_);
    if (not_made()) return {};
    journal::Replay replay(path_, "");
    journal::File(path_).read(
        0, [&replay](std::string_view bytes) { return replay.take(bytes, [](const Event&) {}); });
    std::vector<StudyInfo> all;
    for (const auto& [id, study] : replay.studies()) {
      all.push_back({study.name, study.directions, study.trials});
    }
    return all;
  }

  bool remove(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (not_made()) return false;
    JournalLog log(path_, name, false);
    const int64_t id = log.found() ? log.remove() : -1;
    if (id < 0) return false;
    remove_checkpoints(path_, id);
    return true;
  }

  std::vector<std::string> remarks() override { return journal::File(path_).remarks(); }

 private:
  bool not_made() const { return options_.create && !journal::File(path_).exists(); }

  std::string path_;
  JournalOptions options_;
  std::mutex mutex_;
};

}  // namespace

std::shared_ptr<Storage> journal_storage(const std::string& path, JournalOptions options) {
  return std::make_shared<JournalStorage>(path, options);
}

}  // namespace attune::tune
