#pragma once
// Where studies are kept. A storage holds studies by name; a study's log takes events and gives
// them back, its own and those of other processes, and alone hands out trial numbers.

#include <functional>
#include <memory>
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

// One study, as one program has it open. Not safe for several threads at once: Study holds its
// lock.
class StudyLog {
 public:
  virtual ~StudyLog() = default;

  virtual const std::vector<Direction>& directions() const = 0;

  // Adds a trial with these events (their trial numbers are filled in), all at once, and returns
  // its number. Without events but Started it is running; with none it waits to be started.
  virtual int64_t create(std::vector<Event> events) = 0;

  // Starts the first trial that waits, else a new one. No other process gets the same.
  virtual int64_t start(double time) = 0;

  // Adds events about trials that are there. With a Finished among them they are durable on return;
  // others may be kept back for up to half a second. False: a trial was finished by someone else,
  // and nothing was added.
  virtual bool append(std::span<const Event> events) = 0;

  // The events not yet read through this log, those it added itself included. Some may come twice.
  virtual void read(const std::function<void(const Event&)>& sink) = 0;
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
  virtual std::vector<StudyInfo> studies() = 0;
  virtual bool remove(const std::string& name) = 0;  // false: there was none
};

std::shared_ptr<Storage> memory_storage();

struct SqliteOptions {
  bool create = true;  // make the file if it is not there
  // For files made here; files made by others are never altered.
  // Refuse, by a trigger, that two programs take or finish the same trial. Optuna alone would not
  // notice.
  bool guard = true;
  // Writes go to a log beside the file, unless it is on a network file system: a trial then costs
  // one wait for the disk instead of eight. While a study is open there is a -wal and a -shm file
  // too.
  bool write_ahead_log = true;
};
// A file in Optuna's own schema (revision v3.2.0.a), for several processes, Optuna's among them.
std::shared_ptr<Storage> sqlite_storage(const std::string& path, SqliteOptions options = {});

// "memory", "sqlite:///relative.db", "sqlite:////absolute.db". Anything else: StorageError.
std::shared_ptr<Storage> open_storage(std::string_view url);
// Does not make a file: StorageError when there is none.
std::shared_ptr<Storage> open_existing_storage(std::string_view url);

}  // namespace attune::tune
