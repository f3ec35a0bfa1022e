#include "cli/progress.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

std::string time_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

std::string progress_text(const tune::Progress& p, int64_t earlier, int columns) {
  const int64_t trials = earlier + p.trials;
  // In the order in which they are read; those of a lower rank come first where there is little
  // room.
  struct Part {
    int rank;
    std::string text;
  };
  std::vector<Part> parts;
  const auto add = [&](int rank, std::string text) { parts.push_back({rank, std::move(text)}); };
  add(0, p.wanted > 0 ? fmt::format("{} of {} trials", trials, p.wanted)
                      : fmt::format("{} trials", trials));
  if (p.running > 0) add(4, fmt::format(", {} running", p.running));
  if (p.paused > 0) add(6, fmt::format(", {} paused", p.paused));
  if (p.pruned > 0) add(5, fmt::format(", {} pruned", p.pruned));
  if (p.failed > 0) {
    add(3, fmt::format(", {} failed", p.failed));
    if (!p.first_error.empty()) add(8, ", the first: " + printable(p.first_error, 60));
  }
  if (!p.waiting.empty()) add(3, ", waiting for " + printable(p.waiting, 200));
  if (p.best) {
    add(1, fmt::format(", best {:.4f}", p.best->value));
    if (!p.best->params.empty()) add(9, " (" + printable(short_text(p.best->params), 120) + ")");
  }
  if (p.trials > 0 && p.seconds > 0) {
    const double rate = static_cast<double>(p.trials) / p.seconds;
    add(7, rate < 0.1 ? fmt::format(", {} a trial", time_text(1 / rate))
                      : fmt::format(", {:.1f} a second", rate));
    if (p.wanted > trials) {
      add(2, fmt::format(", {} to go", time_text(static_cast<double>(p.wanted - trials) / rate)));
    }
  }
  std::vector<bool> taken(parts.size());
  int left = columns > 0 ? columns : std::numeric_limits<int>::max();
  for (int rank = 0; rank <= 9; ++rank) {
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool fits = cut_to_columns(parts[i].text, left) == parts[i].text;
      if (parts[i].rank != rank || !(fits || rank == 0)) continue;
      taken[i] = true;
      left = std::max(0, left - static_cast<int>(parts[i].text.size()));
    }
  }
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (taken[i]) text += parts[i].text;
  }
  return text;
}

ProgressLine::ProgressLine(bool quiet, bool plain)
    : quiet_(quiet), terminal_(!plain && terminal_columns() > 0) {}

void ProgressLine::show(const tune::Progress& progress, int64_t earlier) {
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  const bool last = progress.wanted > 0 && earlier + progress.trials >= progress.wanted;
  const auto wait = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(2000);
  if (!last && progress.waiting.empty() && now - shown_ < wait) return;
  shown_ = now;
  // A terminal's width may have changed; the last column is left free for the cursor.
  const int columns = terminal_ ? std::max(1, terminal_columns() - 1) : 0;
  last_ = progress_text(progress, earlier, columns);
  if (terminal_) {
    write_error("\r" + cut_to_columns(last_, columns) + "\033[K");
  } else {
    error_line(last_);
  }
}

void ProgressLine::end() {
  if (!quiet_ && terminal_ && !last_.empty()) write_error("\n");
  last_.clear();
}

}  // namespace attune::cli
