// Storage URLs, as Optuna (SQLAlchemy) writes them.

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storage.h"

namespace attune::tune {
namespace {

// The fourth slash belongs to the path.
constexpr std::string_view kSqlite = "sqlite:///", kJournal = "journal:///";

bool in_memory(std::string_view url) {
  return url.empty() || url == "memory" || url == "sqlite://" || url == "sqlite:///:memory:";
}

std::shared_ptr<Storage> open(std::string_view url, bool create) {
  if (in_memory(url)) return memory_storage();
  const std::string path = storage_file(url);
  if (path.empty() && (url.starts_with(kSqlite) || url.starts_with(kJournal))) {
    throw StorageError(fmt::format("storage '{}': it names no file", url));
  }
  if (url.starts_with(kSqlite)) return sqlite_storage(path, {.create = create});
  if (url.starts_with(kJournal)) return journal_storage(path, {.create = create});
  if (url.starts_with("postgresql")) {
    throw StorageError(
        fmt::format("storage '{}': PostgreSQL is not supported yet; use sqlite:///FILE", url));
  }
  throw StorageError(fmt::format("storage '{}': it must be {}", url, kStorageUrls));
}

}  // namespace

std::string storage_file(std::string_view url) {
  if (in_memory(url)) return "";
  for (const std::string_view kind : {kSqlite, kJournal}) {
    if (url.starts_with(kind)) return std::string(url.substr(kind.size()));
  }
  return "";
}

bool is_storage_url(std::string_view url) {
  return in_memory(url) || url.starts_with(kSqlite) || url.starts_with(kJournal) ||
         url.starts_with("postgresql");
}

std::shared_ptr<Storage> open_storage(std::string_view url) { return open(url, true); }
std::shared_ptr<Storage> open_existing_storage(std::string_view url) { return open(url, false); }

}  // namespace attune::tune
