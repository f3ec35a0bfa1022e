// A study that is stopped after every trial and gone on with, by a new Study and a new sampler,
// then by a new process, has the table of one that was never stopped: for every sampler.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "attune/base/error.h"
#include "tests/tune/support.h"

extern char** environ;

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

constexpr int64_t kTrials = 32;
constexpr const char* kUrl = "ATTUNE_TEST_RESUME_URL";
constexpr const char* kSampler = "ATTUNE_TEST_RESUME_SAMPLER";

// Conditional, integer, categorical, logarithmic; continuous where the sampler takes that.
Space space_for(const std::string& sampler) {
  const bool finite = is_listing(sampler);
  return Space{{"lr", finite ? log_grid(1e-4, 1e-1, 7) : log_range(1e-4, 1e-1)},
               {"layers", int_range(1, 5)},
               {"width", finite ? powers_of_two(8, 64) : log_int_range(8, 64)},
               {"act", choice({"relu", "leaky", "tanh"})},
               {"slope", (finite ? linear_grid(0, 0.3, 4) : range(0, 0.3)).when("act", "leaky")}};
}

Outcome outcome_of(Trial& trial, const Params& p) {
  const double lr = p.at("lr"), layers = p.at("layers"), width = p.at("width");
  const double loss = std::pow(std::log10(lr) + 2.5, 2) + std::pow(layers - 3, 2) / 4 +
                      std::pow(std::log2(width) - 4.5, 2) + p.get("slope", 0.2) +
                      (p.at("act") == "tanh" ? 0.5 : 0);
  if (trial.number() % 9 == 4) return std::nan("");
  if (trial.number() % 10 == 7) return trial.report(0, loss), pruned;
  return loss;
}

Outcome by_run(Trial& t) {
  const double lr = t.suggest_float("lr", 1e-4, 1e-1, tune::log);
  const auto layers = static_cast<double>(t.suggest_int("layers", 1, 5));
  const std::string act = t.suggest_categorical("act", {"relu", "leaky"});
  const double slope = act == "leaky" ? t.suggest_float("slope", 0, 0.3) : 0.2;
  if (t.number() % 9 == 4) return std::nan("");
  return std::pow(std::log10(lr) + 2.5, 2) + std::abs(layers - 3) + slope;
}

StudyOptions options_for(const std::string& sampler, StorageRef storage) {
  for (const auto& [name, make] : all_samplers()) {
    if (name == sampler) {
      return {
          .storage = std::move(storage), .sampler = make(), .seed = 7, .space = space_for(sampler)};
    }
  }
  throw ValueError("no such sampler");
}

void go_on(Study study, const std::string& sampler, int64_t trials) {
  const Space space = space_for(sampler);
  study.optimize([&](Trial& t) -> Outcome { return outcome_of(t, t.suggest(space)); },
                 {.trials = trials});
}

// In memory where there is such a place: what is lost with the power is not the question here.
std::filesystem::path quick_root() {
  return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path();
}

// This program again, for one trial; its exit status.
int one_trial_in_a_process(const std::string& sampler, const std::string& url) {
  setenv(kUrl, url.c_str(), 1);
  setenv(kSampler, sampler.c_str(), 1);
  std::string program = "/proc/self/exe", which = "-tc=resume: (one trial*", all = "--no-skip";
  char* arguments[] = {program.data(), which.data(), all.data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int status = posix_spawn(&child, program.c_str(), &quiet, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&quiet);
  if (status == 0) waitpid(child, &status, 0);
  unsetenv(kUrl);
  unsetenv(kSampler);
  return status;
}

}  // namespace

TEST_CASE("resume: a new Study and sampler after every trial, on a file") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study whole(options_for(name, "memory"));
    go_on(whole, name, kTrials);
    CHECK(whole.size() == kTrials);
    const Folder folder(quick_root());
    for (int64_t k = 0; k < kTrials; ++k) go_on(Study(options_for(name, folder.url())), name, 1);
    CHECK(table(Study({.storage = folder.url()})) == table(whole));
  }
}

TEST_CASE("resume: an objective that defines its space by running") {
  for (const auto& [name, make] : all_samplers()) {
    if (is_listing(name)) continue;  // lr is continuous
    CAPTURE(name);
    Study whole({.sampler = make(), .seed = 7});
    whole.optimize(by_run, {.trials = kTrials});
    const Folder folder(quick_root());
    for (int64_t k = 0; k < kTrials; ++k) {
      Study study({.storage = folder.url(), .sampler = make(), .seed = 7});
      study.optimize(by_run, {.trials = 1});
    }
    CHECK(table(Study({.storage = folder.url()})) == table(whole));
  }
}

TEST_CASE("resume: grids and priors that an objective names one by one are known again") {
  const auto objective = [](Trial& t) -> Outcome {
    const double batch = t.suggest("batch", powers_of_two(16, 256));
    const double lr = t.suggest("lr", log_range(1e-4, 1e-1).prior(1e-3, 2));
    return std::pow(std::log2(batch) - 6, 2) + std::pow(std::log10(lr) + 2.5, 2);
  };
  for (const auto& [name, make] : all_samplers()) {
    if (is_listing(name)) continue;
    CAPTURE(name);
    Study whole({.sampler = make(), .seed = 7});
    whole.optimize(objective, {.trials = 12});
    const Folder folder(quick_root());
    for (int64_t k = 0; k < 12; ++k) {
      Study study({.storage = folder.url(), .sampler = make(), .seed = 7});
      study.optimize(objective, {.trials = 1});
    }
    CHECK(table(Study({.storage = folder.url()})) == table(whole));
  }
}

TEST_CASE("resume: every trial in a process of its own") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study whole(options_for(name, "memory"));
    go_on(whole, name, kTrials);
    const Folder folder(quick_root());
    for (int64_t k = 0; k < kTrials; ++k) {
      REQUIRE(one_trial_in_a_process(name, folder.url()) == 0);
    }
    CHECK(table(Study({.storage = folder.url()})) == table(whole));
  }
}

TEST_CASE("resume: (one trial, for the case above)" * doctest::skip()) {
  const char *url = std::getenv(kUrl), *sampler = std::getenv(kSampler);
  REQUIRE(url);
  REQUIRE(sampler);
  Study study(options_for(sampler, url));
  const int64_t before = study.size();
  go_on(study, sampler, 1);
  CHECK(study.size() == before + 1);
}
