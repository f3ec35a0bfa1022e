#pragma once
// What tests of several processes and of damaged files share.

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include <doctest/doctest.h>

namespace attune::tune::test {

// Runs `work` in a child process; exit status 0 when it returns.
template <typename F>
pid_t in_child(F work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  try {
    work();
    _exit(0);
  } catch (...) {
    _exit(1);
  }
}

inline int status_of(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

// Runs statements on a SQLite file behind attune's back.
inline void sql(const std::string& path, const char* text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  sqlite3_busy_timeout(db, 10'000);
  const int code = sqlite3_exec(db, text, nullptr, nullptr, nullptr);
  const std::string message = sqlite3_errmsg(db);
  sqlite3_close(db);
  CAPTURE(message);
  REQUIRE(code == SQLITE_OK);
}

}  // namespace attune::tune::test
