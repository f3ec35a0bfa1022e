#include "cli/progress.h"

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

std::string time_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

std::string progress_text(const tune::Progress& p, int64_t earlier) {
  const int64_t trials = earlier + p.trials;
  std::string text = p.wanted > 0 ? fmt::format("{} of {} trials", trials, p.wanted)
                                  : fmt::format("{} trials", trials);
  if (p.pruned > 0) text += fmt::format(" ({} pruned)", p.pruned);
  if (p.failed > 0) {
    text +=
        fmt::format(" ({} failed{})", p.failed,
                    p.first_error.empty() ? "" : ", the first: " + printable(p.first_error, 60));
  }
  if (!p.waiting.empty()) text += ", waiting for " + printable(p.waiting, 200);
  if (p.best) text += fmt::format(", best {:.4f}", p.best->value);
  if (p.trials > 0 && p.seconds > 0) {
    const double rate = static_cast<double>(p.trials) / p.seconds;
    text += rate < 0.1 ? fmt::format(", {} a trial", time_text(1 / rate))
                       : fmt::format(", {:.1f} a second", rate);
    if (p.wanted > trials) {
      text += fmt::format(", {} to go", time_text(static_cast<double>(p.wanted - trials) / rate));
    }
  }
  return text;
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(terminal_columns() > 0) {}

void ProgressLine::show(const tune::Progress& progress, int64_t earlier) {
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  const bool last = progress.wanted > 0 && earlier + progress.trials >= progress.wanted;
  const auto wait = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(2000);
  if (!last && progress.waiting.empty() && now - shown_ < wait) return;
  shown_ = now;
  last_ = progress_text(progress, earlier);
  if (terminal_) {  // its width may have changed; the last column is left free for the cursor
    write_error("\r" + cut_to_columns(last_, terminal_columns() - 1) + "\033[K");
  } else {
    error_line(last_);
  }
}

void ProgressLine::end() {
  if (!quiet_ && terminal_ && !last_.empty()) write_error("\n");
  last_.clear();
}

}  // namespace attune::cli
