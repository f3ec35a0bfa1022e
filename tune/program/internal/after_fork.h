#pragma once
// What a child does between fork and exec. Only what POSIX allows there: the parent may have had
// threads, and their locks.

namespace attune::tune::internal {

void reset_signals();  // none is ignored, handled or blocked
void close_all_but(int file);
void close_above_on_exec(int file);  // those above it are not passed on to the program

}  // namespace attune::tune::internal
