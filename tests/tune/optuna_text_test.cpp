// What is written into Optuna's tables, byte for byte; and what older Optunas wrote.
#include <doctest/doctest.h>

#include <sqlite3.h>

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

TEST_CASE("optuna: ranges") {
  const std::pair<Param, const char*> vectors[] = {
      {range(0, 1),
       R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}})"},
      {log_range(1e-5, 0.1),
       R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}})"},
      {stepped_range(-1, 1, 0.25),
       R"({"name": "FloatDistribution", "attributes": {"step": 0.25, "low": -1.0, "high": 1.0, "log": false}})"},
      {stepped_range(0, 1, 0.3),
       R"({"name": "FloatDistribution", "attributes": {"step": 0.3, "low": 0.0, "high": 0.9, "log": false}})"},
      {int_range(-5, 5),
       R"({"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": -5, "high": 5}})"},
      {log_int_range(1, 1000),
       R"({"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 1000}})"},
      {int_range(0, 100, 7),
       R"({"name": "IntDistribution", "attributes": {"log": false, "step": 7, "low": 0, "high": 98}})"},
      {choice({nullptr, true, 1, 2.0, "s", 1e-07, 3.5, INFINITY}),
       R"({"name": "CategoricalDistribution", "attributes": {"choices": [null, true, 1, 2.0, "s", 1e-07, 3.5, Infinity]}})"}};
  for (const auto& [param, text] : vectors) {
    CHECK(optuna::distribution_text(param) == text);
    CHECK(optuna::distribution_of("", text).same_distribution(param));
  }
}

TEST_CASE("optuna: ranges of older versions, and bad ones") {
  const auto read = [](const char* text) { return optuna::distribution_of("x", text); };
  CHECK(read(R"({"name": "UniformDistribution", "attributes": {"low": 0, "high": 2}})").high == 2);
  CHECK(read(R"({"name": "LogUniformDistribution", "attributes": {"low": 1, "high": 2}})").log);
  CHECK(
      read(
          R"({"name": "DiscreteUniformDistribution", "attributes": {"low": 1, "high": 2, "q": 0.5}})")
          .step == 0.5);
  CHECK(
      read(R"({"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}})")
          .step == 2);
  CHECK(
      read(
          R"({"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 1}})")
          .log);
  CHECK(read(R"({"type": "int", "low": 1, "high": 9})").kind == Param::Kind::integer);
  CHECK(read(R"({"type": "categorical", "choices": ["a"]})").choices.size() == 1);
  for (const char* bad : {"", "[]", R"({"name": "Other", "attributes": {"low": 0, "high": 1}})",
                          R"({"name": "FloatDistribution"})"}) {
    CHECK_THROWS_AS(read(bad), StorageError);
  }
}

TEST_CASE("optuna: times") {
  CHECK(optuna::time_text(0) == "1970-01-01 00:00:00.000000");
  CHECK(optuna::time_text(1795436700.25) == "2026-11-23 12:25:00.250000");
  for (const char* text : {"2026-11-23 12:25:00.250000", "2026-11-23T12:25:00.25"})
    CHECK(optuna::time_of(text) == 1795436700.25);
  CHECK(optuna::time_of("2026-11-23 12:25:00") == 1795436700);
  CHECK_THROWS_AS(optuna::time_of("yesterday"), StorageError);
}

namespace {

void execute(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

std::string refusal(const Folder& folder) {
  try {
    open_storage(folder.url());
  } catch (const StorageError& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("optuna: older and newer schemas are refused with advice, missing stamps are made up") {
  const Folder folder;
  { Study study({.storage = folder.url()}); }
  execute(folder.file("study.db"), "UPDATE alembic_version SET version_num='v3.0.0.d'");
  CHECK(refusal(folder).find("optuna storage upgrade") != std::string::npos);
  execute(folder.file("study.db"), "UPDATE alembic_version SET version_num='v9.0.0.a'");
  CHECK(refusal(folder).find("newer than what this attune knows") != std::string::npos);
  execute(folder.file("study.db"), "DELETE FROM alembic_version");
  CHECK(refusal(folder) == "none");
}

TEST_CASE("optuna: the guard refuses a second taker and a second end") {
  const Folder folder;
  Study study({.storage = folder.url()});
  study.tell(study.ask(), 1);
  Trial t = study.ask();
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(folder.file("study.db").c_str(), &db) == SQLITE_OK);
  CHECK(sqlite3_exec(db, "UPDATE trials SET state='FAIL' WHERE number=0", nullptr, nullptr,
                     nullptr) == SQLITE_CONSTRAINT);
  CHECK(sqlite3_exec(db, "UPDATE trials SET state='RUNNING' WHERE number=1", nullptr, nullptr,
                     nullptr) == SQLITE_CONSTRAINT);
  CHECK(sqlite3_exec(db, "UPDATE trials SET state='COMPLETE' WHERE number=1", nullptr, nullptr,
                     nullptr) == SQLITE_OK);
  sqlite3_close(db);
  CHECK_THROWS_AS(study.tell(t, 1), StorageError);
}
