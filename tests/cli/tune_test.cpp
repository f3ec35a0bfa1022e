// attune tune, worker, log: any program, through the command.

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/cli/process.h"

using namespace attune::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

constexpr char kBowl[] = R"(awk -v x={x} -v k={k} 'BEGIN {print "loss", (x - 0.3)^2 + k}')";

Words tune(Words options, Words command) {
  Words words{"tune", "--param", "x=range(0,1)", "--param", "k=choice(1,2)", "--sampler", "random"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back("--");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

bool runs(const std::string& pid) {
  std::ifstream stat("/proc/" + pid.substr(0, pid.find('\n')) + "/stat");
  std::string text;
  std::getline(stat, text);
  const size_t at = text.rfind(") ");
  return at != std::string::npos && text[at + 2] != 'Z';
}

bool ends(const std::string& pid) {
  for (int i = 0; i < 200 && runs(pid); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return !runs(pid);
}

bool appears(const Folder& folder, const std::string& name) {
  for (int i = 0; i < 500; ++i) {
    if (folder.has(name) && !folder.read(name).empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace

TEST_CASE("tune: any program; the same command goes on; its output is kept") {
  const Folder folder;
  const Finished end =
      folder.attune(tune({"--trials", "12", "--jobs", "2", "--json"}, {"sh", "-c", kBowl}));
  CAPTURE(end.err);
  REQUIRE(end.code == 0);
  const json first = end.json();
  CHECK(first["study"] == "sh");
  CHECK(first["trials"] == 12);
  CHECK(first["complete"] == 12);
  const json best = first["best"];
  CHECK(best["params"]["k"] == 1);
  const double x = best["params"]["x"];
  CHECK(std::abs(best["value"].get<double>() - ((x - 0.3) * (x - 0.3) + 1)) < 1e-4);
  const Finished more = folder.attune(tune({"--trials", "15"}, {"sh", "-c", kBowl}));
  CHECK(more.code == 0);
  CHECK(more.says("goes on after 12 trials"));
  CHECK(more.out.find("best is trial ") == 0);
  CHECK(folder.attune({"trials", "sh", "--json"}).json().size() == 15);
  const Finished log = folder.attune({"log", "sh", "best"});
  CHECK(log.out.find("$ sh -c awk -v x=") == 0);
  CHECK(log.out.find("\nloss ") != std::string::npos);
  CHECK(folder.attune({"log", "sh", "3", "--json"}).json()["number"] == 3);
  CHECK(folder.attune({"log", "sh", "99"}).code == 2);
}

TEST_CASE("tune: braces survive, reports prune, failures are shown") {
  const Folder folder;
  const Finished end = folder.attune(
      tune({"--trials", "8", "--jobs", "1", "--pruner", "median", "--study", "p"},
           {"sh", "-c",
            "echo 7 | awk '{print}' > /dev/null; test {trial} = 2 && { echo no memory >&2; exit 1; "
            "}; for i in 0 1 2; do echo attune: step=$i value={trial}; sleep 0.05; done; echo "
            "{trial}"}));
  CAPTURE(end.err);
  CHECK(end.code == 0);
  CHECK(end.out.find("best is trial 0: 0\n") == 0);
  const json trials = folder.attune({"trials", "p", "--json"}).json();
  CHECK(trials[2]["state"] == "failed");
  CHECK(trials[2]["error"] == "exit code 1: no memory");
  CHECK(trials[7]["state"] == "pruned");
}

TEST_CASE("tune --scheduler: what pauses is run again, and finds its folder as it was") {
  const Folder folder;
  const Finished end = folder.attune(
      tune({"--trials", "6", "--jobs", "1", "--scheduler", "asha", "--study", "p", "--json"},
           {"sh", "-c",
            "i=$(cat {dir}/at 2>/dev/null || echo 0); while [ $i -lt 4 ]; do i=$((i+1)); echo $i > "
            "{dir}/at; echo attune: step=$((i-1)) value={trial}; sleep 0.3; done; echo {trial}"}));
  CAPTURE(end.err);
  REQUIRE(end.code == 0);
  CHECK(end.json()["best"]["value"] == 0);
  const json trials = folder.attune({"trials", "p", "--json"}).json();
  int64_t paused = 0;
  for (const json& trial : trials) paused += trial["state"] == "paused";
  CHECK(trials[0]["state"] == "complete");
  CHECK(paused >= 3);
}

TEST_CASE("tune: what is wrong is told before a study is made") {
  const Folder folder;
  const auto refused = [&](const Words& words, const char* text) {
    const Finished end = folder.attune(words);
    CAPTURE(end.err);
    CHECK(end.code == 2);
    CHECK(end.error_lines() == 1);
    CHECK(end.says(text));
  };
  refused(tune({}, {}), "which command?");
  refused(tune({}, {"sh", "--x", "{y}"}), "{y} in '{y}' is no parameter; there are 'x', 'k'");
  refused(tune({}, {"no-such-program"}), "there is no program 'no-such-program'");
  refused(tune({"--param", "lr=lag(1,2)"}, {"sh"}), "unknown form 'lag'");
  refused(tune({"--param", "x=range(0,1)"}, {"sh"}), "x");
  refused(tune({"--trial-memory", "much"}, {"sh"}), "a size such as 500M");
  refused(tune({"--reduce", "sum"}, {"sh"}), "unknown reduction 'sum'");
  refused(tune({"--timeout", "soon"}, {"sh"}), "a time such as 30s, 5m or 1h is needed");
  refused(tune({"--timeout", "0"}, {"sh"}), "--timeout must be more than 0, got '0'");
  refused(tune({"--trial-timeout", "0s"}, {"sh"}), "--trial-timeout must be more than 0");
  refused(tune({"--grace", "1e308h"}, {"sh"}), "a time such as 30s, 5m or 1h is needed");
  refused(tune({}, {"/"}), "'/' cannot be run: Is a directory");
  refused({"worker", "--study", "none"}, "there is no such file");
  CHECK(folder.names().empty());
  REQUIRE(folder.attune(tune({"--trials", "1"}, {"sh", "-c", "echo 1"})).code == 0);
  refused(tune({"--trials", "2"}, {"sh", "-c", "echo 2"}), "tunes another command: sh -c echo 1");
  refused(tune({"--trials", "2", "--param", "y=int(1,2)"}, {"sh", "-c", "echo 1"}),
          "has another space");
  const Finished failed =
      folder.attune(tune({"--trials", "2", "--study", "f"}, {"sh", "-c", "exit 3"}));
  CHECK(failed.code == 1);
  CHECK(failed.says("2 of 2 trials failed, the first (trial 0) with: exit code 3"));
}

TEST_CASE("tune: --dir never removes what is not a trial of the study's own") {
  const Folder folder;
  const Words in_mine = {"--trials", "2", "--study", "a", "--dir", "mine", "--quiet"};
  REQUIRE(folder.shell("mkdir -p mine/1 && echo precious > mine/1/data.txt").code == 0);
  const Finished refused = folder.attune(tune(in_mine, {"sh", "-c", "echo 1"}));
  CHECK(refused.code == 2);
  CHECK(refused.says("mine holds the folder 1, which is no trial of study 'a'"));
  CHECK(folder.read("mine/1/data.txt") == "precious\n");
  CHECK(folder.attune({"studies", "--json"}).out.find("\"a\"") == std::string::npos);

  REQUIRE(folder.shell("mv mine theirs").code == 0);
  REQUIRE(folder.attune(tune(in_mine, {"sh", "-c", "echo 1"})).code == 0);
  CHECK(folder.has("mine/1/output.txt"));
  Words other = in_mine;
  other[3] = "b";
  CHECK(folder.attune(tune(other, {"sh", "-c", "echo 1"})).code == 2);
  Words more = in_mine;
  more[1] = "3";
  CHECK(folder.attune(tune(more, {"sh", "-c", "echo 1"})).code == 0);
  CHECK(folder.has("mine/2/output.txt"));
}

TEST_CASE("tune: children can be waited for whatever the parent made of SIGCHLD") {
  const Folder folder;
  const Finished end = folder.shell(
      "trap '' CHLD; exec \"$ATTUNE\" tune --param 'x=range(0,1)' --trials 2 --quiet "
      "--storage memory -- sh -c 'echo 1'");
  CAPTURE(end.err);
  CHECK(end.code == 0);
}

TEST_CASE("tune: a worker does what the study says, until it has all trials") {
  const Folder folder;
  REQUIRE(folder.attune(tune({"--trials", "2", "--study", "w"}, {"sh", "-c", "echo {x}"})).code ==
          0);
  const Words more = tune({"--trials", "30", "--study", "w"}, {"sh", "-c", "sleep 0.02; echo {x}"});
  Words resumed = more;
  resumed.insert(resumed.begin() + 1, "--resume");
  const pid_t tuner = folder.start(resumed);
  REQUIRE(folder.wait_for("goes on"));
  const Finished worker = folder.attune({"worker", "--study", "w", "--json"});
  folder.wait(tuner);
  CAPTURE(worker.err);
  CHECK(worker.code == 0);
  const json trials = folder.attune({"trials", "w", "--json"}).json();
  CHECK(trials.size() == 30);
  for (const json& trial : trials) CHECK(trial["state"] == "complete");
}

TEST_CASE("tune: Ctrl-C finishes what runs, twice ends at once; killed, nothing is left behind") {
  const Words command{"sh", "-c", "sleep 100 & echo $! > pid; sleep 0.7; echo 1"};
  const Words slow{"sh", "-c", "echo $$ > pid; sleep 100; echo 1"};
  {
    const Folder folder;
    const pid_t tuner = folder.start(tune({"--study", "s"}, command));
    REQUIRE(appears(folder, "pid"));
    kill(tuner, SIGINT);
    const Finished end = folder.wait(tuner);
    CHECK(end.code == 130);
    CHECK(end.says("1 trials are kept"));
    CHECK(folder.attune({"trials", "--json"}).json()[0]["state"] == "complete");
    CHECK(ends(folder.read("pid")));
  }
  for (const int how : {SIGINT, SIGKILL}) {
    CAPTURE(how);
    const Folder folder;
    const pid_t tuner = folder.start(tune({"--study", "s"}, slow));
    REQUIRE(appears(folder, "pid"));
    CHECK(runs(folder.read("pid")));
    kill(tuner, how);
    if (how == SIGINT) {
      REQUIRE(folder.wait_for("again to end at once"));
      kill(tuner, how);
    }
    CHECK(folder.wait(tuner).code == (how == SIGINT ? 130 : 128 + SIGKILL));
    CHECK(ends(folder.read("pid")));
  }
}

TEST_CASE("tune: the lines of docs/any_program.md do what it says") {
  const Folder folder;
  const Finished end = folder.shell(
      "page='" ATTUNE_SOURCE
      "/docs/any_program.md'; ln -s \"$ATTUNE\" attune\n"
      "sed -n '/^```python$/,/^```$/p' \"$page\" | sed '/^```/d' > train.py\n"
      "sed -n '/^```sh$/,/^```$/p' \"$page\" | sed '/^```$/q' | sed '/^```/d' > lines.sh\n"
      "PATH=\"$PWD:$PATH\" sh -e lines.sh");
  CAPTURE(end.err);
  CHECK(end.code == 0);
  CHECK(end.out.find("best is trial ") == 0);
  CHECK(end.out.find("\nloss: ") != std::string::npos);
  CHECK(folder.attune({"trials", "train.py", "--json"}).json().size() == 40);
}

TEST_CASE("tune: three workers of examples/cluster make one study") {
  const Folder folder;
  const Finished end = folder.shell(
      "ln -s \"$ATTUNE\" attune; PATH=\"$PWD:$PATH\"; cd '" ATTUNE_SOURCE
      "'; here=$OLDPWD\n"
      "for worker in 1 2 3; do examples/cluster/tune.sh \"sqlite:///$here/study.db\" cluster"
      " >\"$here/$worker\" & pids=\"$pids $!\"; done\n"
      "for pid in $pids; do wait $pid || exit 1; done");
  CAPTURE(end.err);
  CHECK(end.code == 0);
  CHECK(folder.read("1").find("best is trial ") == 0);
  const Finished trials =
      folder.attune({"trials", "cluster", "--storage", "sqlite:///study.db", "--json"});
  CHECK(trials.json().size() == 60);
}
