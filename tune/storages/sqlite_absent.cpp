// In place of sqlite.cpp when attune is built with ATTUNE_WITH_SQLITE=OFF.

#include "attune/base/error.h"
#include "attune/tune/storage.h"

namespace attune::tune {

std::shared_ptr<Storage> sqlite_storage(const std::string& path, SqliteOptions) {
  throw StorageError("storage '" + path +
                     "': this attune was built without SQLite (ATTUNE_WITH_SQLITE=OFF)");
}

}  // namespace attune::tune
