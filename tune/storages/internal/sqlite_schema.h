#pragma once
// The tables of a study's file: Optuna's, and attune's own list of what happened in which order.

#include <cstdint>
#include <string>

#include "attune/tune/storage.h"
#include "attune/tune/storages/internal/optuna_schema.h"
#include "attune/tune/storages/internal/sqlite_database.h"

namespace attune::tune {

using optuna::Happened;

// Whether these are Optuna's tables. StorageError when they are of an older or newer Optuna.
bool has_studies(Database& db);

// Makes the tables that are missing. A file that had none becomes as the options say.
void make_schema(Database& db, const SqliteOptions& options);

// What tells a study from another that gets its name and number later: a random text, kept as a
// system attribute. Empty: it has none yet.
std::string identity_of(Database& db, int64_t study);
void give_identity(Database& db, int64_t study);  // inside a transaction; it may have one

// Makes attune_events and the triggers that fill it, for every program that writes; what was
// written before is added in the order of completion. Nothing is written where all is there.
void make_events(Database& db);

// The same list for a file that is only looked at and has none, in memory. False: it has one.
bool make_temporary_events(Database& db);
// Makes that list anew, of what the rows say now.
void remake_temporary_events(Database& db);

}  // namespace attune::tune
