// attune ask, tell, enqueue, copy, delete, export: one call at a time, each with --json.

#include <doctest/doctest.h>

#include "tests/cli/process.h"

using namespace attune::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

const Words kAsk{"ask",
                 "--study",
                 "s",
                 "--param",
                 "lr=log(1e-4,1e-1)",
                 "--param",
                 "act=choice(relu,\"it's\")",
                 "--sampler",
                 "random"};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("ask and tell: a trial for each call, told by another process") {
  const Folder folder;
  const json first = folder.attune(with(kAsk, {"--json"})).json();
  CHECK(first["number"] == 0);
  CHECK(first["params"]["act"] == "relu");
  const Finished report =
      folder.attune({"tell", "s", "0", "0.5", "--step", "3", "--user", "host=\"a\"", "--json"});
  CHECK(report.json() == json{{"number", 0}, {"prune", false}});
  CHECK(folder.attune({"tell", "s", "0", "-0.25"}).out == "trial 0 is complete\n");
  const Finished shell = folder.shell(
      "eval \"$($ATTUNE ask --study s --param 'lr=log(1e-4,1e-1)' --param "
      "'act=choice(relu,\"it'\\''s\")' --sampler random)\" && test -n \"$lr\" && test -n \"$act\" "
      "&& "
      "$ATTUNE tell s $number $lr");
  CHECK(shell.out == "trial 1 is complete\n");
  folder.attune(kAsk);
  CHECK(folder.attune({"tell", "s", "2", "--state", "failed", "--reason", "no disk"}).code == 0);
  const Finished point = folder.attune(
      {"tell", "s", "new", "0.125", "--param", "lr=0.01", "--param", "act=relu", "--json"});
  CHECK(point.json()["params"]["lr"] == 0.01);
  const json trials = folder.attune({"trials", "s", "--json"}).json();
  REQUIRE(trials.size() == 4);
  CHECK(trials[0]["value"] == -0.25);
  CHECK(trials[0]["intermediate"] == json::parse("[[3, 0.5]]"));
  CHECK(trials[0]["user"]["host"] == "a");
  CHECK(trials[1]["value"] == trials[1]["params"]["lr"]);
  CHECK(trials[2]["error"] == "no disk");
  CHECK(trials[3]["value"] == 0.125);
}

TEST_CASE("ask and tell: slips are named, and nothing happens") {
  const Folder folder;
  REQUIRE(folder.attune(kAsk).code == 0);
  const auto refused = [&](const Words& words, const char* text) {
    const Finished end = folder.attune(words);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.says(text));
  };
  refused({"ask", "--param", "x=range(0,1)"}, "which study?");
  refused({"ask", "--study", "s"}, "give the space");
  refused({"ask", "--study", "s", "--param", "x=range(0,1)"}, "other parameters");
  refused({"ask", "--study", "t", "--param", "x-y=range(0,1)"}, "no name for a shell; use --json");
  CHECK(folder.attune({"trials", "t"}).code == 2);  // no such study was made
  refused({"tell", "s", "7", "1"}, "must be from 0 to 0, got 7");
  refused({"tell", "s", "0"}, "1 value is needed, not 0");
  refused({"tell", "s", "0", "x"}, "'x' is no number");
  refused({"tell", "s", "0", "1", "--state", "failed"}, "has no value");
  refused({"tell", "s", "0", "1", "--reason", "so"}, "comes with --state failed");
  refused({"tell", "none", "0", "1"}, "no study 'none'");
  refused({"enqueue", "s", "lr"}, "NAME=VALUE is needed");
  refused({"delete", "s"}, "say --yes");
  refused({"copy", "s"}, "give --to URL, --as NAME");
  CHECK(folder.attune({"trials", "s", "--json"}).json().size() == 1);
  CHECK(folder.attune({"tell", "s", "0", "1"}).code == 0);
  refused({"tell", "s", "0", "1"}, "is not running, but complete");
  refused({"enqueue", "s", "mom=1"}, "no parameter 'mom'");
  refused({"enqueue", "s", "act=tanh"}, "tanh");
  refused({"tell", "s", "new", "1", "--param", "mom=1"}, "no parameter 'mom'");
  refused({"tell", "s", "new", "1", "--param", "lr=0.01"}, "param 'act' is missing");
  refused({"tell", "s", "new", "1", "--param", "lr=7", "--param", "act=relu"}, "is not in [");
  refused({"tell", "s", "new", "1", "--param", "lr=0.01", "--param", "act=tanh"}, "tanh");
  refused({"tell", "s", "new", "1"}, "is missing");
  CHECK(folder.attune({"trials", "s", "--json"}).json().size() == 1);
}

TEST_CASE("doctor: the machine, its speed, the storage") {
  const Folder folder;
  const json none = folder.attune({"doctor", "--json"}).json();
  CHECK(none["threads"] >= 1);
  CHECK(none["matmul_gigaflops"]["one"] > 0.1);
  CHECK(none["memory_gigabytes_a_second"] > 0.1);
  CHECK(none["storage"].contains("error"));
  CHECK(folder.names().empty());
  REQUIRE(folder.attune(kAsk).code == 0);
  const json some = folder.attune({"doctor", "--json"}).json();
  CHECK(some["storage"]["studies"] == 1);
  CHECK(some["storage"]["trials"] == 1);
  const Finished text = folder.attune({"doctor"});
  CHECK(text.code == 0);
  CHECK(text.out.find("\nmatmul ") != std::string::npos);
}

TEST_CASE("enqueue, copy, delete, export") {
  const Folder folder;
  REQUIRE(folder.attune(kAsk).code == 0);
  REQUIRE(folder.attune({"tell", "s", "0", "1.5"}).code == 0);
  CHECK(folder.attune({"enqueue", "s", "lr=0.05", "--json"}).json()["number"] == 1);
  const json asked = folder.attune(with(kAsk, {"--json"})).json();
  CHECK(asked["number"] == 1);
  CHECK(asked["params"]["lr"] == 0.05);
  REQUIRE(folder.attune({"tell", "s", "1", "inf"}).code == 0);

  const Finished csv = folder.attune({"export", "s"});
  CHECK(csv.out.find("number,state,value,seconds,params_lr,params_act\n0,complete,1.5,") == 0);
  CHECK(csv.out.find("\n1,complete,inf,") != std::string::npos);
  const json list = folder.attune({"export", "s", "--json"}).json();
  CHECK(list == folder.attune({"trials", "s", "--json"}).json());
  CHECK(folder.attune({"export", "s", "--format", "jsonl", "--out", "t.jsonl"}).says("2 trials"));
  CHECK(json::parse(folder.read("t.jsonl").substr(0, folder.read("t.jsonl").find('\n'))) ==
        list[0]);

  REQUIRE(folder.attune({"copy", "s", "--to", "sqlite:///other.db", "--as", "t"}).code == 0);
  CHECK(folder.attune({"export", "t", "--storage", "sqlite:///other.db"}).out == csv.out);
  CHECK(folder.attune({"copy", "s", "--to", "sqlite:///other.db", "--as", "t"}).code == 2);
  CHECK(folder.attune({"copy", "s", "--as", "t", "--json"}).json()["study"] == "t");
  CHECK(folder.attune({"delete", "s", "--yes", "--json"}).json()["deleted"] == true);
  const json left = folder.attune({"studies", "--json"}).json();
  REQUIRE(left.size() == 1);
  CHECK(left[0]["name"] == "t");
  CHECK(left[0]["trials"] == 2);
}

TEST_CASE("tell: a study without a trial is called that") {
  const Folder folder;
  const char space[] = R"({"x": {"type": "float", "low": 0, "high": 1}})";
  REQUIRE(folder.attune({"ask-tell", "--space", space, "--trials", "0", "--study", "s"}).code == 0);
  const Finished end = folder.attune({"tell", "s", "0", "1"});
  CHECK(end.code == 2);
  CHECK(end.says("study 's' has no trial yet"));
}
