// Any program as an objective: the words it is given, what it prints, how it is ended.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/program/command_template.h"
#include "attune/tune/program/program.h"
#include "attune/tune/program/program_output.h"
#include "attune/tune/study.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

void check_holds(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

// One trial of a shell script that sees x in {x}.
struct Shell {
  Folder folder;
  Study study{{.sampler = tune::random(), .seed = 1}};

  TrialResult run(const std::string& script, ProgramOptions options = {}) {
    options.command = {"sh", "-c", script};
    options.space = Space{{"x", range(0, 1)}};
    options.folder = folder.file("trials");
    study.optimize(Program(options), {.trials = 1});
    return study.trials().back();
  }
  std::string output() const { return read(trial_output(folder.file("trials"), 0)); }
};

bool alive(const std::string& file) {
  const pid_t pid = std::stoi(read(file));
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const size_t at = text.rfind(") ");
  return at != std::string::npos && text[at + 2] != 'Z';
}

bool dies(const std::string& file) {
  for (int i = 0; i < 200; ++i) {
    if (!alive(file)) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

}  // namespace

TEST_CASE("command: places get values, other braces survive, slips are refused by name") {
  const CommandTemplate::Values values{{"lr", "0.1"}, {"batch", "16"}};
  const auto filled = [&](const Words& words) {
    return CommandTemplate(words, {"lr", "batch", "slope", "dir"}).filled(values);
  };
  CHECK(filled({"run", "--lr", "{lr}", "b={batch}/x"}) == Words{"run", "--lr", "0.1", "b=16/x"});
  CHECK(filled({"awk", "{print}"}) == Words{"awk", "{print}"});
  CHECK(filled({"awk", "{print $1}", "{}", "{", "}{", "{\"a\": 1}"}) ==
        Words{"awk", "{print $1}", "{}", "{", "}{", "{\"a\": 1}"});
  CHECK(filled({"echo", "{{lr}}", "{{print}}", "x{{lr}}y{lr}"}) ==
        Words{"echo", "{lr}", "{{print}}", "x{lr}y0.1"});
  CHECK(CommandTemplate({"awk", "{print {a/b:c} * 2}"}, {"a/b:c"}).filled({{"a/b:c", "3"}}) ==
        Words{"awk", "{print 3 * 2}"});
  // Of an inactive parameter the option goes too.
  CHECK(filled({"run", "--slope", "{slope}", "--lr", "{lr}"}) == Words{"run", "--lr", "0.1"});
  CHECK(filled({"run", "--slope={slope}", "{lr}"}) == Words{"run", "0.1"});
  for (const Words& words :
       {Words{"run", "--batch", "{bacth}"}, Words{"run", "{LR}"},
        Words{"run", "--momentum", "{momentum}"}, Words{"run", "m={momentum}"}}) {
    check_holds(message_of([&] { filled(words); }), "is no parameter; there are 'lr', 'batch'");
  }
  CHECK(filled({"run", "--momentum", "{{momentum}}"}) == Words{"run", "--momentum", "{momentum}"});
  CHECK_THROWS_AS(filled({}), ValueError);
}

TEST_CASE("program: the last line holds the value") {
  const auto value = [](std::string_view line) {
    return read_last_line(line, 1).outcome.values().front();
  };
  CHECK(value("0.25") == 0.25);
  CHECK(value("accuracy: 93.5%") == 93.5);
  CHECK(value("epoch 10/10, loss=1e-3") == 1e-3);
  CHECK(value("loss -0.5 \r") == -0.5);
  CHECK(value("took 3d5 and 2.") == 2);
  CHECK(value("a1 b2 x 7 y_3") == 7);
  CHECK(value("loss=1e-400") == 0);
  CHECK(value(R"({"value": 0.5, "epochs": 12, "name": "a 7"})") == 0.5);
  CHECK(std::isinf(value("loss inf")));
  CHECK(std::isnan(value("loss nan")));
  CHECK(read_last_line("0.1 of 3 and 4", 2).outcome.values() == std::vector<double>{3, 4});
  CHECK(read_last_line(R"({"values": [1, 2]})", 2).outcome.values() == std::vector<double>{1, 2});
  CHECK(read_last_line(R"({"state": "pruned"})", 1).outcome.state() == State::pruned);
  CHECK(read_last_line(R"({"state": "failed", "reason": "so"})", 1).outcome.reason() == "so");
  const ProgramEnd end =
      read_last_line(R"({"value": 1, "constraints": {"mb": 3}, "user": {"n": [1]}})", 1);
  CHECK(end.constraints.front() == std::pair<std::string, double>("mb", 3));
  CHECK(end.user.front() == std::pair<std::string, std::string>("n", "[1]"));
  for (const char* line : {"", "done", "v1.2.3b", R"({"loss": 0.5})"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(read_last_line(line, 1), ValueError);
  }
  CHECK_THROWS_AS(read_last_line("0.5", 2), ValueError);
}

TEST_CASE("program: a number that may be two is refused, not cut") {
  const auto values = [](std::string_view line, size_t objectives) {
    return read_last_line(line, objectives).outcome.values();
  };
  for (const char* line : {"loss 0,35", "-0,35", "loss=1,234.5", "12,345,678", "3,14 %", "10,35"}) {
    CAPTURE(line);
    check_holds(message_of([&] { values(line, 1); }), "may be one number or two");
  }
  check_holds(message_of([&] { values("0,35 0,12", 2); }), "'0,12', which may be one number");
  using V = std::vector<double>;
  CHECK(values("10,0.35", 1) == V{0.35});
  CHECK(values("10, 35", 1) == V{35});
  CHECK(values("1e-3,2", 1) == V{2});
  CHECK(values("0,35 then 7", 1) == V{7});
  CHECK(values("3,12", 2) == V{3, 12});
  CHECK(values("epoch 10: 0.3,1200.5", 2) == V{0.3, 1200.5});
}

TEST_CASE("program: lines for the tuner report") {
  CHECK(is_for_tuner("  attune: step=3 value=0.91"));
  CHECK_FALSE(is_for_tuner("tuning attune: no"));
  const ProgramReport report = read_report("attune: step=3 value=0.91", 1);
  CHECK(report.step == 3);
  CHECK(report.values == std::vector<double>{0.91});
  CHECK(read_report("attune:  values=1,-2e3  step=0 ", 2).values == std::vector<double>{1, -2000});
  for (const char* line :
       {"attune: hello", "attune: step=3", "attune: value=3", "attune:", "attune: step=-1 value=1",
        "attune: step=1.5 value=1", "attune: step=1 value=x", "attune: step=1 values=1,2"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(read_report(line, 1), ValueError);
  }
}

TEST_CASE("program: a trial is a run of the command, and its output is kept") {
  Shell shell;
  const TrialResult t = shell.run(
      "echo to stderr >&2; echo attune: step=0 value=3; echo attune: nonsense; "
      "test \"$ATTUNE_TRIAL\" = 0 && test -d \"$ATTUNE_DIR\" && test {seed} = $ATTUNE_SEED && "
      "echo $ATTUNE_PARAMS > {dir}/params && echo x is {x}");
  CHECK(t.state == State::complete);
  CHECK(t.value == double(t.params.at("x")));
  CHECK(t.intermediate.at(0) == 3);
  check_holds(shell.output(), "$ sh -c ");
  check_holds(shell.output(), "to stderr\n");
  check_holds(shell.output(), "attune does not understand this line: 'nonsense' is neither");
  check_holds(read(shell.folder.file("trials/0/params")), "{\"x\": ");
}

TEST_CASE("program: what goes wrong is told with its cause") {
  const auto error = [](const std::string& script, ProgramOptions options = {}) {
    Shell shell;
    const TrialResult t = shell.run(script, options);
    CHECK(t.state == State::failed);
    return t.error();
  };
  CHECK(error("echo 0.5; echo ValueError: no such layer >&2; exit 3") ==
        "exit code 3: ValueError: no such layer");
  CHECK(error("exit 4") == "exit code 4");
  check_holds(error("kill -9 $$"), "killed by signal 9");
  check_holds(error("true"), "it printed nothing");
  check_holds(error("echo done"), "its last line holds no number: 'done'");
  check_holds(error("echo loss nan"), "NaN");
  check_holds(message_of([] { Program({.command = {"no-such-program-anywhere"}, .space = {}}); }),
              "there is no program 'no-such-program-anywhere'");
  const auto begin = Clock::now();
  CHECK(error("trap '' TERM; sleep 30; echo 1", {.trial_timeout = 200ms, .grace = 200ms}) ==
        "it took longer than 0.2 s");
  CHECK(Clock::now() - begin < 5s);
  check_holds(error("head -c 300000000 /dev/zero | tail | sleep 20",
                    {.memory = int64_t{100} << 20, .grace = 100ms}),
              "of memory; 100 MB are allowed");
}

TEST_CASE("program: a pruned run gets SIGTERM, and nothing of it is left") {
  Shell shell;
  shell.study = Study({.sampler = tune::random(),
                       .scheduler = pruning(median({.startup_trials = 0, .warmup_steps = 0})),
                       .seed = 1});
  shell.run("echo attune: step=0 value=1; echo 1");
  const auto begin = Clock::now();
  const TrialResult t = shell.run(
      "trap 'echo saved > {dir}/saved; exit 0' TERM; "
      "sleep 60 & echo $! > {dir}/pid; echo attune: step=0 value=9; wait");
  CHECK(Clock::now() - begin < 10s);
  CHECK(t.state == State::pruned);
  CHECK(t.value == 9);
  CHECK(read(shell.folder.file("trials/1/saved")) == "saved\n");
  CHECK(dies(shell.folder.file("trials/1/pid")));
}

TEST_CASE("program: what a run leaves behind is ended with it, also when this process is killed") {
  Shell shell;
  CHECK(shell.run("sleep 60 & echo $! > {dir}/pid; echo 1").value == 1);
  CHECK(dies(shell.folder.file("trials/0/pid")));

  const Folder folder;
  const pid_t tuner = in_child([&] {
    Study study({.seed = 1});
    study.optimize(Program({.command = {"sh", "-c", "(sleep 60 & echo $! > {dir}/pid; wait)"},
                            .space = {},
                            .folder = folder.file("trials")}),
                   {.trials = 1});
  });
  const std::string file = folder.file("trials/0/pid");
  for (int i = 0; i < 300 && read(file).empty(); ++i) std::this_thread::sleep_for(20ms);
  REQUIRE(alive(file));
  kill(tuner, SIGKILL);
  status_of(tuner);
  CHECK(dies(file));
}

TEST_CASE("program: repeats are reduced, each with a seed of its own") {
  Shell shell;
  const std::string script = "echo $ATTUNE_SEED >> {dir}/seeds; echo $((1 + {repeat} * {repeat}))";
  CHECK(shell.run(script, {.repeats = 3, .reduce = Reduce::median}).value == 2);
  CHECK(shell.study.trial(0).user.at("repeats") == "[1.0, 2.0, 5.0]");
  std::ifstream seeds(shell.folder.file("trials/0/seeds"));
  const std::set<std::string> different{std::istream_iterator<std::string>(seeds), {}};
  CHECK(different.size() == 3);
  CHECK(shell.run(script, {.repeats = 2}).value == 1.5);
  CHECK(shell.run(script, {.repeats = 3, .reduce = Reduce::max}).value == 5);
  CHECK(shell.run("test {repeat} = 0 || exit 2; echo 1", {.repeats = 2}).error() == "exit code 2");
}

TEST_CASE("program: many at a time, and a folder that another study left") {
  const Folder folder;
  const Program program({.command = {"sh", "-c",
                                     "test -e {dir}/old && exit 1; touch {dir}/old; "
                                     "awk 'BEGIN {print {x} * 2}'"},
                         .space = Space{{"x", range(0, 1)}},
                         .folder = folder.file("trials")});
  for (int round = 0; round < 2; ++round) {
    Study study({.sampler = tune::random(), .seed = 1});
    study.optimize(program, {.trials = 12, .jobs = 4});
    for (const TrialResult& t : study.trials()) {
      CAPTURE(t.error());
      CHECK(t.value == doctest::Approx(2 * double(t.params.at("x"))).epsilon(1e-4));
    }
  }
  CHECK(trials_folder("sqlite:///a/b.db", "x/../y") == "a/b.db.trials/x%2F..%2Fy");
  CHECK(trials_folder("memory", "..") == "attune.trials/%2E.");
}

TEST_CASE("program: a folder that no trial made is not emptied") {
  Shell shell;
  const std::string folder = shell.folder.file("trials") + "/0";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/data.txt") << "precious";
  const TrialResult trial = shell.run("echo 1");
  CHECK(trial.state == State::failed);
  check_holds(trial.error(), "is not empty, and no trial of attune's made it");
  CHECK(read(folder + "/data.txt") == "precious");
}

TEST_CASE("program: times that no clock holds, and what is no program") {
  ProgramOptions options{.command = {"sh", "-c", "trap '' TERM; sleep 0.1; echo 1"},
                         .space = Space{{"x", range(0, 1)}}};
  options.grace = std::chrono::duration<double>(1e300);
  options.trial_timeout = std::chrono::duration<double>(1e300);
  CHECK(Shell().run("echo 1", options).value == 1);
  options.grace = std::chrono::duration<double>(std::nan(""));
  CHECK_THROWS_AS(Program{options}, ValueError);
  options.grace = 1s;
  options.trial_timeout = 0s;
  CHECK_THROWS_AS(Program{options}, ValueError);
  options.trial_timeout.reset();
  options.command = {"/"};
  check_holds(message_of([&] { Program{options}; }), "Is a directory");

  Folder scripts;
  const std::string script = scripts.file("script");
  std::ofstream(script) << "echo 3\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  Study study({.sampler = tune::random(), .seed = 1});
  options.command = {script};
  options.folder = scripts.file("trials");
  study.optimize(Program(options), {.trials = 1});
  check_holds(study.trials().back().error(), "a script begins with a line such as #!/bin/sh");
}
