#include "attune/tune/copy_study.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/history.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr const char* kIdentity = "attune:id";  // each study has its own
constexpr const char* kCopied = "attune:copied_from";

std::vector<Event> events_of(StudyLog& log) {
  std::vector<Event> events;
  std::vector<double> signs;
  for (const Direction d : log.directions()) signs.push_back(d == Direction::maximize ? -1 : 1);
  History history(signs);
  log.read(0, [&](const Event& event) {
    history.apply(event);  // what cannot be is refused here
    const auto* a = std::get_if<Attribute>(&event);
    if (a && a->trial == Attribute::kStudy && a->system &&
        (*a->name == kIdentity || *a->name == kCopied)) {
      return;
    }
    events.push_back(event);
  });
  const std::string reason = json::quote("it was running when the study was copied");
  for (const int64_t number : history.open()) {
    if (history.trials()[static_cast<size_t>(number)].state != State::running) continue;
    events.emplace_back(attribute(number, true, kError, reason));
    events.emplace_back(
        Finished{.trial = number, .state = State::failed, .values = {}, .time = unix_time()});
  }
  return events;
}

}  // namespace

void copy_study(const std::shared_ptr<Storage>& from, const std::string& name,
                const std::shared_ptr<Storage>& to, const std::string& new_name) {
  require_utf8("copy_study: the name", new_name);
  if (new_name.empty()) throw ValueError("copy_study: the new name is empty");
  const std::unique_ptr<StudyLog> source = from->view(name);
  if (!source) throw StorageError(fmt::format("copy_study: there is no study {}", in_quotes(name)));
  const auto taken = [&]() -> ValueError {
    return ValueError(fmt::format("copy_study: there is a study {} already", in_quotes(new_name)));
  };
  const std::vector<StudyInfo> known = to->studies();
  if (std::any_of(known.begin(), known.end(), [&](const auto& s) { return s.name == new_name; })) {
    throw taken();
  }
  std::vector<Event> events = events_of(*source);
  events.insert(events.begin(), attribute(Attribute::kStudy, true, kCopied, json::quote(name)));
  const std::unique_ptr<StudyLog> copy = to->open(new_name, source->directions(), {});
  copy->read(0, [](const Event&) {});
  const Expect fresh[] = {{.trial = Attribute::kStudy, .absent = kCopied}, {.trial = 0}};
  try {
    if (!copy->append(events, fresh, true)) throw taken();  // somebody was faster
  } catch (const StorageError&) {
    to->remove(new_name);
    throw;
  }
}

}  // namespace attune::tune
