// Each kind of bad input: one clear line on stderr, the exit code, and nothing left behind.

#include <doctest/doctest.h>

#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

using Words = std::vector<std::string>;

struct Bad {
  const char* name;
  std::string table;
  Words more;        // after: fit table.csv --target y
  std::string says;  // a part of the line
};

std::string good() { return "x,y\n3,a\n2,b\n1,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n"; }

std::string many(const std::string& header, const std::string& before, const std::string& after) {
  std::string text = header;
  for (int i = 0; i < 30; ++i) text += before + std::to_string(i) + after;
  return text;
}

}  // namespace

TEST_CASE("bad input: each ends with one line and exit 2, and leaves nothing") {
  const Bad all[] = {
      {"empty", "", {}, "empty"},
      {"header only", "x,y\n", {}, "no rows"},
      {"binary", std::string("x,y\n\0\1\2,3\n", 10), {}, "not a text file"},
      {"ragged", "x,y\n1,a\n2\n3,b\n", {}, "line 3"},
      {"no such target", "x,z\n1,a\n2,b\n3,a\n4,b\n", {}, "which are 'x', 'z'"},
      {"one class", many("x,y\n", "", ",a\n"), {}, "nothing to learn"},
      {"constant numbers", many("x,y\n", "", ",2.5\n"), {}, "nothing to learn"},
      {"constant columns", many("y,x\n", "", ",1\n"), {}, "it has one value"},
      {"a class a row", many("x,y\n", "1,class", "\n"), {}, "too many"},
      {"text among numbers",
       many("y,x\n", "", ".5,1\n") + "oops,2\n",
       {},
       "'oops' is not a number"},
      {"numbers wanted", good(), {"--task", "regression"}, "is not a number"},
      {"target all missing", "x,y\n1,\n2,\n3,\n", {}, "missing"},
      {"too few rows", "x,y\n1,a\n2,b\n1,a\n", {}, "rows"},
      {"negative trials", good(), {"--trials", "-1"}, "--trials must not be negative"},
      {"trials no number", good(), {"--trials", "many"}, "--trials"},
      {"unknown sampler", good(), {"--sampler", "psychic"}, "unknown sampler 'psychic'"},
      {"unknown pruner", good(), {"--pruner", "garden"}, "unknown scheduler 'garden'"},
      {"no jobs", good(), {"--jobs", "0"}, "--jobs"},
      {"no time", good(), {"--timeout", "soon"}, "30s"},
      {"negative seed", good(), {"--seed", "-1"}, "--seed"},
      {"unknown option", good(), {"--colour", "red"}, "--colour"},
      {"unknown storage", good(), {"--storage", "floppy:a"}, "floppy:a"},
      {"no such folder", good(), {"--out", "nowhere/model"}, "there is no folder"},
      {"grid of a continuum", good(), {"--sampler", "grid"}, "grid"},
      {"long delimiter", good(), {"--delimiter", "::"}, "--delimiter"},
  };
  for (const Bad& bad : all) {
    CAPTURE(bad.name);
    Folder folder;
    folder.write("table.csv", bad.table);
    Words words = {"fit", "table.csv", "--target", "y", "--quiet", "--storage", "memory"};
    // A later --storage would be a second one.
    if (bad.more.size() == 2 && bad.more[0] == "--storage") words.resize(words.size() - 2);
    words.insert(words.end(), bad.more.begin(), bad.more.end());
    const Finished end = folder.attune(words);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.says(bad.says));
    CHECK(std::count(end.err.begin(), end.err.end(), '\n') == 1);
    CHECK(end.out.empty());
    CHECK(folder.names() == Words{"table.csv"});
  }
}

TEST_CASE("bad input: files and studies that are not there, models that are none") {
  Folder folder;
  folder.write("table.csv", loans(80));
  const auto expect = [&](Words words, int code, const std::string& says) {
    const Finished end = folder.attune(words);
    CAPTURE(words[0]);
    CAPTURE(end.err);
    CHECK(end.code == code);
    CHECK(end.says(says));
    CHECK(end.error_lines() == 1);
    CHECK(end.out.empty());
  };
  expect({"fit", "absent.csv", "--target", "y"}, 2, "absent.csv");
  expect({"studies"}, 2, "attune.db");
  expect({"trials", "x"}, 2, "attune.db");
  expect({"predict", "absent.safetensors", "table.csv"}, 2, "absent.safetensors");
  expect({"predict", "table.csv", "table.csv"}, 2, "not a safetensors file");
  CHECK(folder.names() == Words{"table.csv"});

  REQUIRE(folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "1"}).code == 0);
  const std::string model = folder.read("model.safetensors");
  for (const size_t length :
       {size_t{0}, size_t{5}, size_t{100}, model.size() / 2, model.size() - 1}) {
    folder.write("cut", model.substr(0, length));
    expect({"predict", "cut", "table.csv"}, 2, "cut");
  }
  expect({"trials", "x"}, 2, "no study 'x'");
  expect({"replay", "x", "0"}, 2, "no study 'x'");
  const std::string study = folder.attune({"studies", "--json"}).json()[0]["name"];
  expect({"replay", study, "7"}, 2, "not 7");
  expect({"replay", study, "first"}, 2, "'first'");
  folder.write("table.csv", loans(81));
  expect({"replay", study, "0"}, 2, "not the table");
}

TEST_CASE("no room and no right to write are told in words") {
  Folder folder;
  folder.write("table.csv", loans(80));
  // A limit on the size of files stands for a full disk: a write comes to nothing in the same way.
  const Finished full = folder.shell(
      "trap '' XFSZ; ulimit -f 1; exec $ATTUNE fit table.csv --target loan --trials 1 "
      "--quiet --storage memory 2>&1 | head -c 500");
  CHECK(full.out.find("model.safetensors") != std::string::npos);
  CHECK(folder.names() == Words{"table.csv"});
  const Finished database = folder.shell(
      "trap '' XFSZ; ulimit -f 16; exec $ATTUNE fit table.csv --target loan --trials 20 --quiet");
  CHECK(database.code == 1);
  CHECK(database.says("attune.db"));
  CHECK(!folder.has("model.safetensors"));

  const Finished model = folder.attune({"fit", "table.csv", "--target", "loan", "--trials", "1",
                                        "--storage", "memory", "--quiet", "--out", "/proc/model"});
  CHECK(model.code == 1);
  CHECK(model.says("/proc"));
  const Finished storage = folder.attune(
      {"fit", "table.csv", "--target", "loan", "--quiet", "--storage", "sqlite:////proc/a.db"});
  CHECK(storage.code == 1);
  CHECK(storage.says("/proc/a.db"));

  const Finished out = folder.shell(
      "$ATTUNE fit table.csv --target "
      "loan --trials 1 --storage memory --quiet >/dev/full");
  CHECK(out.code == 1);
  CHECK(out.says("stdout"));
  const Finished pipe = folder.shell(
      "$ATTUNE fit table.csv --target loan --trials 1 --storage memory --quiet | true");
  CHECK(pipe.err.empty());
}
