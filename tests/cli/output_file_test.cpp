// --out: what a command reads is never written over, by whatever name it is called; what cannot be
// an output is refused before any work.

#include <doctest/doctest.h>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

using Words = std::vector<std::string>;

const char kDatabase[] = "sqlite:///study.db";

// A table, a small model of it, and the study it comes from.
void prepare(const Folder& folder) {
  folder.write("table.csv", loans(80));
  const Finished fit =
      folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "1", "--networks", "1",
                     "--study", "s", "--storage", kDatabase, "--quiet"});
  CAPTURE(fit.err);
  REQUIRE(fit.code == 0);
}

}  // namespace

TEST_CASE("output: no command writes over what it reads, also by a link's name") {
  Folder folder;
  prepare(folder);
  REQUIRE(folder
              .shell("for f in table.csv study.db model.safetensors; do ln -s $f soft.$f; "
                     "ln $f hard.$f; done")
              .code == 0);
  for (const std::string name : {"", "./", "soft.", "hard."}) {
    CAPTURE(name);
    const auto refused = [&](Words command, const std::string& file) {
      const std::string before = folder.read(file);
      command.push_back(name + file);
      const Finished end = folder.attune(command);
      CAPTURE(end.err);
      CHECK(end.code == 2);
      CHECK(end.says("it would be written over"));
      CHECK(end.out.empty());
      CHECK(folder.read(file) == before);
    };
    const Words fit = {"fit", "table.csv", "--target", "loan", "--trials",
                       "2",   "--storage", kDatabase,  "--out"};
    const Words predict = {"predict", "model.safetensors", "table.csv", "--out"};
    refused(fit, "table.csv");
    refused(fit, "study.db");
    refused(predict, "model.safetensors");
    refused(predict, "table.csv");
    refused({"report", "--storage", kDatabase, "-o"}, "study.db");
    refused({"export", "--storage", kDatabase, "--out"}, "study.db");
  }
  // A database that does not exist yet would be written over as well.
  const Finished fresh = folder.attune({"fit", "table.csv", "--target", "loan", "--storage",
                                        "sqlite:///new.db", "--out", "./new.db"});
  CHECK(fresh.code == 2);
  CHECK(fresh.says("it would be written over"));
  CHECK(!folder.has("new.db"));
}

TEST_CASE("output: a wrong place is exit 2, a link to nothing is followed, - is stdout") {
  Folder folder;
  prepare(folder);
  REQUIRE(folder.shell("mkdir folder; ln -s later.csv link").code == 0);
  for (const Words& command :
       {Words{"fit", "table.csv", "--target", "loan", "--storage", "memory", "--out"},
        Words{"predict", "model.safetensors", "table.csv", "--out"},
        Words{"report", "--storage", kDatabase, "--out"},
        Words{"export", "--storage", kDatabase, "--out"}}) {
    CAPTURE(command.front());
    for (const char* place : {"absent/x", "folder", "/dev/full", ""}) {
      CAPTURE(place);
      Words words = command;
      words.emplace_back(place);
      const Finished end = folder.attune(words);
      CAPTURE(end.err);
      CHECK(end.code == 2);
      CHECK(end.says("--out"));
      CHECK(end.error_lines() == 1);
    }
  }
  const Words predict = {"predict", "model.safetensors", "table.csv"};
  const std::string text = folder.attune(predict).out;
  CHECK(!text.empty());
  for (const char* name : {"-", "/dev/stdout"}) {
    CHECK(folder.attune({"predict", "model.safetensors", "table.csv", "--out", name}).out == text);
  }
  CHECK(folder.attune({"fit", "table.csv", "--target", "loan", "--out", "-"}).code == 2);
  CHECK(folder.attune({"predict", "model.safetensors", "table.csv", "--out", "link"}).code == 0);
  CHECK(folder.read("later.csv") == text);
  CHECK(folder.shell("test -L link").code == 0);
}

TEST_CASE("arguments: empty, given twice, misspelt; storages that cannot be") {
  Folder folder;
  folder.write("table.csv", loans(80));
  folder.write("text.db", "this is no database, but a text of some length\n");
  const auto refused = [&](const Words& command, const std::string& text) {
    const Finished end = folder.attune(command);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.says(text));
  };
  refused({"trials", "--storage", ""}, "--storage is empty");
  refused({"trials", "--study", ""}, "--study is empty");
  refused({"fit", "table.csv", "--target", "loan", "--delimiter", ""}, "--delimiter is empty");
  refused({"fit", "table.csv", "--target", "loan", "--trials", "1", "--trials", "2"},
          "--trials is given twice");
  refused({"fit", "table.csv", "--targte", "loan"}, "unknown option '--targte'");
  refused({"fit", "table.csv", "--target", "loan", "--timeout", "0"}, "--timeout must be");
  for (const char* url :
       {"sqlite:///", "mysql://x", "sqlite:///absent/a.db", "sqlite:///text.db"}) {
    CAPTURE(url);
    refused({"fit", "table.csv", "--target", "loan", "--storage", url}, "storage");
    refused({"studies", "--storage", url}, "storage");
    refused({"ask-tell", "--space", R"({"x": {"type": "float", "low": 0, "high": 1}})", "--study",
             "s", "--storage", url},
            "storage");
  }
}

TEST_CASE("predict: a table of names without rows is called that") {
  Folder folder;
  prepare(folder);
  folder.write("h.csv", "income;job;town;loan\n");
  const Finished end = folder.attune({"predict", "model.safetensors", "h.csv"});
  CHECK(end.code == 2);
  CHECK(end.says("h.csv: the table has names but no rows"));
}
