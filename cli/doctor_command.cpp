// attune doctor: what this machine has, what of it attune can use, and how fast it is.

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/tensor/tensor.h"
#include "attune/tune/study_view.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

struct DoctorArguments : Common {
  void declare(Options options) {
    storage_option(options, *this);
    json_option(options, *this);
  }
};

struct Processor {
  std::string name = "unknown", vectors = "unknown";
  double gigahertz = 0;
  int flops_a_cycle = 0;  // f32, of a core at best; 0: not known
};

Processor processor() {
  Processor p;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    const std::string value = line.substr(std::min(colon + 2, line.size()));
    if (key == "model name") p.name = value;
    if (key == "cpu MHz") p.gigahertz = std::max(p.gigahertz, std::atof(value.c_str()) / 1000);
    if (key != "flags" && key != "Features") continue;
    const std::string flags = " " + value + " ";
    const auto has = [&](const char* flag) { return flags.find(flag) != std::string::npos; };
    if (has(" avx512f ")) {
      p.vectors = "AVX-512", p.flops_a_cycle = 64;
    } else if (has(" avx2 ") && has(" fma ")) {
      p.vectors = "AVX2", p.flops_a_cycle = 32;
    } else if (has(" sse4_2 ")) {
      p.vectors = "SSE4", p.flops_a_cycle = 8;
    } else if (has(" asimd ")) {
      p.vectors = "NEON", p.flops_a_cycle = 16;
    }
  }
  return p;
}

int allowed_processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
}

// Processors' worth of time that the container may use; 0: as many as there are.
double quota() {
  std::ifstream second("/sys/fs/cgroup/cpu.max");  // "200000 100000" or "max 100000"
  std::string most;
  double period = 0;
  if (second >> most >> period && most != "max" && period > 0) {
    return std::atof(most.c_str()) / period;
  }
  std::ifstream first("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream each("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double microseconds = -1;
  if (first >> microseconds && each >> period && microseconds > 0 && period > 0) {
    return microseconds / period;
  }
  return 0;
}

// Seconds of the fastest of some runs.
template <typename F>
double fastest(F&& run) {
  double best = std::numeric_limits<double>::infinity();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(end - start).count());
    if (i >= 2 && end - begin > std::chrono::seconds(1)) break;
  }
  return best;
}

double matmul_gigaflops(int threads) {
  constexpr int64_t kSize = 512;
  const ThreadScope scope(threads);
  Rng rng(1);
  const Tensor a = Tensor::randn({kSize, kSize}, rng), b = Tensor::randn({kSize, kSize}, rng);
  const double seconds = fastest([&] { static_cast<void>(a.matmul(b)); });
  return 2.0 * kSize * kSize * kSize / seconds * 1e-9;
}

double memory_gigabytes(int threads) {
  constexpr int64_t kSize = int64_t{1} << 24;
  const ThreadScope scope(threads);
  const Tensor a = Tensor::ones({kSize}), b = Tensor::ones({kSize});
  const double seconds = fastest([&] { static_cast<void>(a + b); });
  return 3.0 * kSize * sizeof(float) / seconds * 1e-9;
}

Json storage_of(const Common& common, std::string& text) {
  const std::string url = common.storage_or(kDefaultStorage);
  Json answer = {{"url", url}};
  try {
    const auto storage = tune::open_existing_storage(url);
    const std::vector<tune::StudyInfo> studies = storage->studies();
    int64_t trials = 0;
    Json damaged = Json::array();
    for (const tune::StudyInfo& info : studies) {
      trials += info.trials;
      try {
        tune::StudyView(storage, info.name).size();
      } catch (const StorageError& e) {
        damaged.push_back({{"study", info.name}, {"error", e.what()}});
        text += fmt::format("  {}: {}\n", in_quotes(info.name), printable(e.what(), 300));
      }
    }
    answer.set("studies", static_cast<int64_t>(studies.size()));
    answer.set("trials", trials);
    answer.set("damaged", damaged);
    Json remarks = Json::array();
    for (const std::string& remark : storage->remarks()) {
      remarks.push_back(remark);
      text += fmt::format("  {}\n", printable(remark, 500));
    }
    answer.set("remarks", remarks);
    text = fmt::format("storage     {}: {} studies, {} trials\n", shown_path(url), studies.size(),
                       trials) +
           text;
  } catch (const StorageError& e) {
    answer.set("error", e.what());
    text = fmt::format("storage     {}\n", printable(e.what(), 300));
  }
  return answer;
}

int run(const DoctorArguments& a) {
  const Processor p = processor();
  const int allowed = allowed_processors(), threads = max_threads();
  const double limit = quota();
  const double one = matmul_gigaflops(1), all = matmul_gigaflops(threads);
  const double memory = memory_gigabytes(threads);
  const double peak = p.flops_a_cycle * p.gigahertz;
  std::string kept;
  const Json storage = storage_of(a, kept);
  if (a.json) {
    answer({{"version", ATTUNE_VERSION},
            {"processor", p.name},
            {"vectors", p.vectors},
            {"gigahertz", p.gigahertz},
            {"processors", static_cast<int64_t>(sysconf(_SC_NPROCESSORS_ONLN))},
            {"allowed", allowed},
            {"quota", limit > 0 ? Json(limit) : Json()},
            {"threads", threads},
            {"matmul_gigaflops", {{"one", one}, {"all", all}, {"peak_of_one", peak}}},
            {"memory_gigabytes_a_second", memory},
            {"storage", storage}});
    return kFine;
  }
  std::string text = fmt::format("attune      {}\n", ATTUNE_VERSION);
  text +=
      fmt::format("processor   {}, {} at {:.1f} GHz\n", printable(p.name), p.vectors, p.gigahertz);
  text += fmt::format("threads     {} of {} processors, {} allowed{}\n", threads,
                      sysconf(_SC_NPROCESSORS_ONLN), allowed,
                      limit > 0 ? fmt::format(", quota {:.3g}", limit) : "");
  text += fmt::format("matmul      {:.0f} GFLOP/s on one thread{}, {:.0f} on {}\n", one,
                      peak > 0 ? fmt::format(" ({:.0f} % of {:.0f})", 100 * one / peak, peak) : "",
                      all, threads);
  text += fmt::format("memory      {:.1f} GB/s\n", memory);
  text += kept;
  if (limit > 0 && limit < threads) {
    text += fmt::format(
        "note: the quota is less than the threads; OMP_NUM_THREADS={:.0f} will be faster\n",
        std::max(1.0, std::ceil(limit)));
  }
  if (peak > 0 && one < 0.3 * peak) {
    text += "note: less than a third of what one core can do; is the machine busy?\n";
  }
  answer(text);
  return kFine;
}

}  // namespace

void add_doctor(CommandLine& commands) {
  commands.add("doctor", "What this machine has, and how fast attune is on it", run);
}

}  // namespace attune::cli
