#pragma once
// Where studies are kept. A storage holds studies by name; a study's log takes events and returns
// them in one order, which is the same for every process. A new storage implements these two
// classes and nothing else.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/event.h"

namespace attune::tune {

struct StudyInfo {
  std::string name;
  std::vector<Direction> directions;
  int64_t trials = 0;
};

// What must hold for an append to take place: the trial is in this state; none: there is no such
// trial, and its number is the next. With a worker, it must also be the one that claimed it last.
// With `step`, it has been paused after this one. With `absent`, which stands alone: the study has
// no system attribute of that name.
struct Expect {
  int64_t trial = 0;
  std::optional<State> state = {};
  std::string worker = {};
  std::string absent = {};
  std::optional<int64_t> step = {};
};

// A place in a log's order: all that came before has been read.
using Position = int64_t;

// Where in the log appended events are: behind `before`, up to `after`.
struct Appended {
  Position before = 0, after = 0;
};

// One study, as one program has it open. Not safe for several threads at once: Ledger holds a lock.
// Everything here throws StorageError, naming the file and the cause.
class StudyLog {
 public:
  using Sink = std::function<void(const Event&)>;
  virtual ~StudyLog() = default;

  virtual const std::vector<Direction>& directions() const = 0;

  // Adds all the events or none; nothing: an expectation did not hold, because somebody was faster.
  // Created makes a trial, and needs its number expected. With `durable` they survive a crash of
  // the machine once this returns; without, a crash of the process.
  virtual std::optional<Appended> append(std::span<const Event> events,
                                         std::span<const Expect> expects, bool durable) = 0;

  // Passes on what came after `after`, in the log's order, and returns the position to go on from.
  // Some events may come twice. 0: the beginning.
  virtual Position read(Position after, const Sink& sink) = 0;

  // Whether an append costs so much that reports are better gathered.
  virtual bool gather() const { return false; }

  // Leases. The name of this process; a sign of life for the trials it runs; and which of the
  // running trials have lost their worker: it is certainly gone, or has given no sign for
  // `grace_seconds` by the storage's clock.
  virtual std::string worker() const { return {}; }
  virtual void beat(std::span<const int64_t> /*trials*/) {}
  virtual std::vector<int64_t> lapsed(double /*grace_seconds*/) { return {}; }

  // Nothing has been written for a second: a moment for tidying up.
  virtual void settle() {}

  // Where files may be kept that belong to the study, such as the checkpoints of its trials; the
  // folder need not be there yet. Empty: nowhere.
  virtual std::string folder() const { return {}; }

  // A wait for another program's lock ends with a StorageError some seconds after this returns
  // true: no new trials are wanted, but how the last ones ended should still be kept.
  virtual void give_up_when(std::function<bool()> /*condition*/) {}
  // Somebody wants the program to end now: once this returns true, all further waits for locks
  // together take less than a second.
  virtual void hurry_when(std::function<bool()> /*condition*/) {}
};

// Safe to call from several threads. Everything here throws StorageError, naming the file and the
// cause.
class Storage {
 public:
  virtual ~Storage() = default;

  // The study of that name, made with these directions and attributes if there is none and
  // `directions` is not empty. Null when there is none and `directions` is empty.
  virtual std::unique_ptr<StudyLog> open(const std::string& name,
                                         const std::vector<Direction>& directions,
                                         const std::vector<Attribute>& attributes) = 0;
  // The study of that name, to be read only: nothing is written, whatever the file's state, and
  // append() throws. Null when there is none.
  virtual std::unique_ptr<StudyLog> view(const std::string& name) = 0;
  virtual std::vector<StudyInfo> studies() = 0;      // writes nothing
  virtual bool remove(const std::string& name) = 0;  // false: there was none
  // What a person should know of it, a sentence each; nothing as a rule.
  virtual std::vector<std::string> remarks() { return {}; }
};

std::shared_ptr<Storage> memory_storage();

struct SqliteOptions {
  bool create = true;  // make the file if it is not there
  // For files made here; files made by others keep what they have.
  // Refuse, by a trigger, that two programs take or finish the same trial. Optuna alone would not
  // notice.
  bool guard = true;
  // Writes go to a log beside the file, unless it is on a network file system: a trial then costs
  // one wait for the disk instead of eight. While a study is open there is a -wal and a -shm file
  // too.
  bool write_ahead_log = true;
};
// A file in Optuna's own schema (revision v3.2.0.a), for several processes, Optuna's among them. It
// is made when the first study is.
std::shared_ptr<Storage> sqlite_storage(const std::string& path, SqliteOptions options = {});

struct JournalOptions {
  bool create = true;  // make the file if it is not there
};
// A journal: a file to which lines are only ever added, in the format of Optuna's JournalStorage,
// with a checksum in each of attune's. For several processes, of several machines too where they
// share a folder, by a lock file beside it. The file is made when the first study is.
std::shared_ptr<Storage> journal_storage(const std::string& path, JournalOptions options = {});

// "memory", "sqlite:///relative.db", "sqlite:////absolute.db", "journal:///relative.log",
// "journal:////absolute.log". Anything else: StorageError.
std::shared_ptr<Storage> open_storage(std::string_view url);
// Does not make a file: StorageError when there is none.
std::shared_ptr<Storage> open_existing_storage(std::string_view url);

// The file that a URL of the kinds above names; empty: it names none, as with memory.
std::string storage_file(std::string_view url);
// The kinds of URL there are, for messages; and whether this is one of them.
inline constexpr char kStorageUrls[] =
    "memory, sqlite:///FILE, journal:///FILE, or with four slashes /ABSOLUTE/FILE";
bool is_storage_url(std::string_view url);

}  // namespace attune::tune
