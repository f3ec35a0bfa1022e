#pragma once
// Ctrl-C. The first asks for an orderly end, the second ends at once with exit code 130. Only the
// command touches signals, never the library.

namespace attune::cli {

// Takes over SIGINT, SIGTERM and, unless it is ignored, SIGHUP. `message` (a literal) is written to
// stderr at the first; null: nothing is.
void watch_signals(const char* message);

bool interrupted();

}  // namespace attune::cli
