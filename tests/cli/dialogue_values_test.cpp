// ask-tell and what is kept of it: values out of range, constraints that nobody meets, full disks.

#include <doctest/doctest.h>

#include "tests/cli/dialogue.h"

using namespace attune::test;

TEST_CASE("ask-tell: what is enqueued lies in the space") {
  Folder folder;
  const std::string space = R"({"a": {"type": "float", "low": 0.1, "high": 1, "log": true},)"
                            R"( "n": {"type": "int", "low": 0, "high": 10, "step": 5}})";
  const auto lines =
      lines_of(folder.attune({"ask-tell", "--space", space, "--trials", "2"},
                             R"({"cmd": "enqueue", "params": {"a": -5}})"
                             "\n"
                             R"({"cmd": "enqueue", "params": {"n": 3}})"
                             "\n"
                             R"({"cmd": "enqueue", "params": {"a": 0.1, "n": 5}})"
                             "\n"
                             R"({"number": 0, "value": 1, "value": 2})"
                             "\n"
                             R"({"number": 0, "value": 1, "constraints": {"m": "x"}})"
                             "\n"
                             R"({"number": 0, "value": 1})"
                             "\n"));
  REQUIRE(lines.size() >= 7);
  CHECK(lines[1]["error"] == "param 'a': -5 is not in [0.1, 1]");
  CHECK(lines[2]["error"] == "param 'n': 3 lies between the steps; 5 would do");
  CHECK(lines[3] == json::parse(R"({"number": 1, "state": "waiting"})"));
  CHECK(lines[4]["error"] == "the key 'value' is given twice");
  CHECK(lines[5]["error"] == R"('constraints.m' must be a number, not "x")");
  CHECK(lines[6]["params"] == json::parse(R"({"a": 0.1, "n": 5})"));
}

TEST_CASE("constraints: a best trial that violates them is marked wherever it is shown") {
  Folder folder;
  const Finished told = folder.attune({"ask-tell", "--space", kX, "--study", "s", "--trials", "2"},
                                      R"({"number": 0, "value": 1, "constraints": {"memory": 2}})"
                                      "\n"
                                      R"({"number": 1, "value": 3, "constraints": {"memory": 1.5}})"
                                      "\n");
  const json end = lines_of(told).back();
  CHECK(end["best"]["number"] == 1);
  CHECK(end["best"]["feasible"] == false);
  const Finished best = folder.attune({"best"});
  CHECK(best.out.find("no complete trial meets its constraints") != std::string::npos);
  CHECK(best.out.find("memory = 1.5 (violated)") != std::string::npos);
  const json shown = folder.attune({"best", "--json"}).json();
  CHECK(shown["constraints"]["memory"] == 1.5);
  CHECK(shown["feasible"] == false);
  CHECK(folder.attune({"trials", "--json"}).json()[0]["constraints"]["memory"] == 2);
  CHECK(folder.attune({"trials"}).out.find("infeasible") != std::string::npos);
  CHECK(folder.attune({"studies", "--json"}).json()[0]["feasible"] == false);
  CHECK(folder.attune({"report"}).out.find("No complete trial meets its constraints") !=
        std::string::npos);
}

TEST_CASE("importance: nothing is made of equal values, nor of a few trials") {
  Folder folder;
  std::string equal, few;
  for (int i = 0; i < 12; ++i) equal += R"({"number": )" + std::to_string(i) + ", \"value\": 1}\n";
  for (int i = 0; i < 5; ++i) {
    few += R"({"number": )" + std::to_string(i) + ", \"value\": " + std::to_string(i) + "}\n";
  }
  folder.attune({"ask-tell", "--space", kX, "--study", "equal", "--trials", "12"}, equal);
  folder.attune({"ask-tell", "--space", kX, "--study", "few", "--trials", "5"}, few);
  CHECK(folder.attune({"importance", "equal"}).says("all values are equal"));
  CHECK(folder.attune({"importance", "few"}).says("of 5 complete trials the shares say little"));
  const std::string report = folder.attune({"report", "equal"}).out;
  CHECK(report.find("All values are equal: nothing made a difference.") != std::string::npos);
  CHECK(report.find("What made the difference") == std::string::npos);
  CHECK(folder.attune({"report", "few"}).out.find("What made the difference") == std::string::npos);
}

TEST_CASE("ask-tell: a full disk is called that, to the client too") {
  Folder folder;
  std::string tells;
  for (int i = 0; i < 3000; ++i) {
    tells += R"({"number": )" + std::to_string(i) + ", \"value\": 1, \"user\": {\"t\": \"" +
             std::string(200, 'x') + "\"}}\n";
  }
  folder.write("tells", tells);
  folder.write("space", kX);
  const Finished end = folder.shell(
      "mkdir disk && unshare -m sh -c 'mount -t tmpfs -o size=300k none disk || exit 77; "
      "$ATTUNE ask-tell --space space --study s --storage sqlite:///disk/a.db --trials 3000 "
      "--sampler random <tells'");
  if (end.code != 1) {
    MESSAGE("no file system of a given size can be made here");
    CHECK((end.code == 77 || end.says("unshare")));
    return;
  }
  CHECK(end.says("the disk is full"));
  CHECK(end.out.find("ended by another program") == std::string::npos);
  const json last = lines_of(end).back();
  CHECK(last.contains("number"));
  CHECK(last["error"].get<std::string>().find("the disk is full") != std::string::npos);
}
