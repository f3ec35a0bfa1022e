// Storage URLs, as Optuna (SQLAlchemy) writes them.

#include <filesystem>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storage.h"

namespace attune::tune {
namespace {

std::shared_ptr<Storage> open(std::string_view url, bool create) {
  constexpr std::string_view kSqlite = "sqlite://";
  if (url.empty() || url == "memory" || url == kSqlite || url == "sqlite:///:memory:") {
    return memory_storage();
  }
  if (url.starts_with("sqlite:///")) {
    const std::string path(url.substr(kSqlite.size() + 1));  // the fourth slash belongs to the path
    if (path.empty()) throw StorageError(fmt::format("storage '{}': it names no file", url));
    return sqlite_storage(path, {.create = create});
  }
  if (url.starts_with("postgresql")) {
    throw StorageError(
        fmt::format("storage '{}': PostgreSQL is not supported yet; use sqlite:///FILE", url));
  }
  throw StorageError(fmt::format(
      "storage '{}': it must be memory, sqlite:///FILE or sqlite:////ABSOLUTE/FILE", url));
}

}  // namespace

std::shared_ptr<Storage> open_storage(std::string_view url) { return open(url, true); }
std::shared_ptr<Storage> open_existing_storage(std::string_view url) { return open(url, false); }

}  // namespace attune::tune
