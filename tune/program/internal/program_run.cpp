#include "attune/tune/program/internal/program_run.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune::internal {
namespace {

using std::chrono::milliseconds;

constexpr auto kLookEvery = milliseconds(20);
constexpr auto kLongestRest = std::chrono::seconds(1);  // processes left behind may go on writing
constexpr auto kWeighEvery = milliseconds(200);
constexpr size_t kLastWords = 4096;               // bytes of stderr
constexpr size_t kLongestLine = size_t{1} << 22;  // of more only the end is looked at

bool blank(std::string_view line) { return line.find_first_not_of(" \t\r") == line.npos; }

// The last line that says something; progress bars begin theirs anew with \r.
std::string last_line(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find_last_of("\n\r");
    const std::string_view line = end == text.npos ? text : text.substr(end + 1);
    if (!blank(line)) return printable(line, 300);
    text = end == text.npos ? std::string_view{} : text.substr(0, end);
  }
  return {};
}

}  // namespace

ProgramRun::ProgramRun(const ProcessGuard& guard, const std::vector<std::string>& words,
                       const ChildProcess::Environment& environment, const std::string& file,
                       size_t objectives)
    : path_(file), objectives_(objectives) {
  file_ = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) {
    throw IoError(
        fmt::format("program: {} cannot be written: {}", shown_path(file), std::strerror(errno)));
  }
  try {
    keep(fmt::format("$ {}\n", printable(fmt::format("{}", fmt::join(words, " ")), 2000)));
    child_.emplace(guard, words, environment);
  } catch (...) {
    close(file_);
    throw;
  }
}

ProgramRun::~ProgramRun() {
  child_.reset();
  close(file_);
}

void ProgramRun::keep(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t size = write(file_, text.data(), text.size());
    if (size >= 0) {
      text.remove_prefix(static_cast<size_t>(size));
    } else if (errno != EINTR) {
      throw IoError(fmt::format("program: {} cannot be written: {}", shown_path(path_),
                                std::strerror(errno)));
    }
  }
}

bool ProgramRun::read_line(std::string_view line, Trial* reports_to) {
  if (!is_for_tuner(line)) {
    if (!blank(line)) last_ = line;
    return false;
  }
  if (!reports_to) return false;
  try {
    const ProgramReport report = read_report(line, objectives_);
    reports_to->report(report.step, report.values);
  } catch (const ValueError& e) {
    keep(fmt::format("attune does not understand this line: {}\n", e.what()));
    return false;
  }
  return reports_to->should_prune();
}

bool ProgramRun::read_lines(Trial* reports_to) {
  size_t begin = 0;
  bool ends = false;
  for (size_t end = 0; !ends && (end = pending_.find('\n', begin)) != std::string::npos;) {
    ends = read_line(std::string_view(pending_).substr(begin, end - begin), reports_to);
    begin = end + 1;
  }
  pending_.erase(0, begin);
  if (pending_.size() > kLongestLine) pending_.erase(0, pending_.size() - kLongestLine);
  return ends;
}

ChildProcess::Text ProgramRun::take(milliseconds longest) {
  if (child_->closed()) std::this_thread::sleep_for(std::min(longest, milliseconds(1)));
  ChildProcess::Text text = child_->read(longest);
  keep(text.output);
  keep(text.errors);
  errors_ += text.errors;
  if (errors_.size() > 2 * kLastWords) errors_.erase(0, errors_.size() - kLastWords);
  return text;
}

std::optional<Outcome> ProgramRun::run(const Limits& limits, Trial* reports_to) {
  auto weighed = Clock::now();
  std::optional<Clock::time_point> ended;
  for (;;) {
    const bool over = child_->ended();  // before what it has written is read
    const ChildProcess::Text text = take(over ? milliseconds(0) : kLookEvery);
    pending_ += text.output;
    if (read_lines(reports_to)) {
      terminate(limits.grace);
      return reports_to->stopped();
    }
    const auto now = Clock::now();
    if (over && !ended) ended = now;
    if (over && (text.empty() || now - *ended > kLongestRest)) break;
    if (limits.deadline && now >= *limits.deadline) {
      terminate(limits.grace);
      return Failed{fmt::format("it took longer than {:.6g} s", limits.timeout)};
    }
    if (limits.memory > 0 && now - weighed >= kWeighEvery) {
      weighed = now;
      if (const int64_t size = child_->memory(); size > limits.memory) {
        terminate(limits.grace);
        return Failed{fmt::format("it took {} of memory; {} are allowed", shown_bytes(size),
                                  shown_bytes(limits.memory))};
      }
    }
  }
  if (!pending_.empty()) read_line(pending_, reports_to);
  if (const std::string flaw = child_->finish(); !flaw.empty()) {
    const std::string words = last_line(errors_.empty() ? last_ : errors_);
    return Failed{words.empty() ? flaw : flaw + ": " + words};
  }
  try {
    end_ = read_last_line(last_, objectives_);
  } catch (const ValueError& e) {
    return Failed{e.what()};
  }
  return std::nullopt;
}

void ProgramRun::terminate(std::chrono::duration<double> grace) {
  child_->signal(SIGTERM);
  child_->signal(SIGCONT);  // one that is stopped could not obey
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(grace);
  while (!child_->ended() && Clock::now() < end) take(kLookEvery);
  child_->signal(SIGKILL);
  child_->finish();
}

}  // namespace attune::tune::internal
