// Ctrl-C ends any wait within a second: for a client, for a reader, for a lock.

#include <doctest/doctest.h>

#include <chrono>
#include <sstream>

#include "tests/cli/dialogue.h"
#include "tests/cli/process.h"
#include "tests/cli/tables.h"

using namespace attune::test;

namespace {

// What a shell does after it has started the command as $attune: another program takes the lock of
// attune.db once there are trials, and sleeps with it; then comes Ctrl-C. Prints the exit code and
// the milliseconds that it took.
constexpr char kLockAndInterrupt[] = R"(
python3 - >/dev/null 2>&1 <<'end' &
import sqlite3, time
while True:
    try:
        c = sqlite3.connect('attune.db', timeout=30, isolation_level=None)
        if c.execute('select count(*) from trials').fetchone()[0] > 1: break
    except sqlite3.Error: pass
    time.sleep(0.05)
c.execute('BEGIN IMMEDIATE')
open('locked', 'w')
time.sleep(60)
end
other=$!
until test -e locked; do sleep 0.05; done
sleep 1
begin=$(date +%s%N)
kill -INT $attune
wait $attune
echo $? $(( ($(date +%s%N) - begin) / 1000000 ))
kill $other
)";

void check_ends(const Folder& folder, const std::string& arguments) {
  const Finished end =
      folder.shell("$ATTUNE " + arguments + " >out 2>err & attune=$!" + kLockAndInterrupt);
  CAPTURE(arguments);
  CAPTURE(end.out);
  std::istringstream words(end.out);
  int code = -1, milliseconds = 1 << 30;
  words >> code >> milliseconds;
  CHECK(code == 130);
  CHECK(milliseconds < 2500);  // a second, and what a busy machine adds
}

}  // namespace

TEST_CASE("Ctrl-C: a lock that another program keeps is not waited for") {
  for (const std::string jobs : {"1", "4"}) {
    const Folder folder;
    check_ends(folder, "tune --param 'x=range(0,1)' --trials 1000 --jobs " + jobs +
                           " -- sh -c 'sleep 0.1; echo 1'");
  }
  const Folder folder;
  folder.write("table.csv", loans(120));
  check_ends(folder, "fit table.csv --target loan --trials 1000 --study s --jobs 2");
}

TEST_CASE("Ctrl-C: a client that does not read is not waited for") {
  const Folder folder;
  const Finished end = folder.shell(
      "mkfifo out; exec 3<>out; yes no | head -9000 >in; $ATTUNE ask-tell --space '" +
      std::string(kX) +
      "' <in >&3 2>err & attune=$!; sleep 2; kill -INT $attune; wait $attune; echo $?");
  CHECK(end.out == "130\n");
}

TEST_CASE("ask-tell: Ctrl-C ends a wait for the client") {
  Folder folder;
  const auto begin = std::chrono::steady_clock::now();
  const Finished end = folder.shell("mkfifo in; $ATTUNE ask-tell --space '" + std::string(kX) +
                                    "' --study s <in >out & attune=$!; exec 3>in; "
                                    "until grep -q params out 2>/dev/null; do sleep 0.05; done; "
                                    "kill -INT $attune; wait $attune; echo $? >>out; cat out");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  CHECK(end.out.ends_with("{\"best\": null}\n130\n"));
  CHECK(folder.attune({"trials", "s", "--json"}).json()[0]["error"] ==
        "handed out, but never told");
}
