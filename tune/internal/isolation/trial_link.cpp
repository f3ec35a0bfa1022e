#include "attune/tune/internal/isolation/trial_link.h"

#include <new>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/checkpoints.h"

namespace attune::tune::internal {

int error_code(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e)) return kBadAlloc;
  if (dynamic_cast<const OutOfMemory*>(&e)) return kOutOfMemory;
  if (dynamic_cast<const SearchSpaceError*>(&e)) return 2;
  if (dynamic_cast<const ValueError*>(&e)) return 3;
  if (dynamic_cast<const StorageError*>(&e)) return 4;
  if (dynamic_cast<const IoError*>(&e)) return 5;
  return 1;
}

void throw_error(int code, const std::string& text) {
  switch (code) {
    case 2: throw SearchSpaceError(text);
    case 3: throw ValueError(text);
    case 4: throw StorageError(text);
    case 5: throw IoError(text);
    case kOutOfMemory: throw OutOfMemory(text);
    default: throw Error(text);
  }
}

}  // namespace attune::tune::internal

namespace attune::tune {

using internal::Answer;
using internal::Ask;
using internal::Packet;
using internal::SharedFlags;

TrialLink::TrialLink(int file, const SharedFlags& flags) : channel_(file), flags_(flags) {
  Packet first = channel_.receive();
  first.take(begin_);
  first.take(folder_);
  first.take(keep_in_);
}

// The parent may have a question of its own first.
Packet TrialLink::ask(const Packet& question, const Space* space) {
  channel_.send(question);
  for (;;) {
    Packet answer = channel_.receive();
    switch (answer.take<Answer>()) {
      case Answer::done: return answer;
      case Answer::error: {
        const int code = answer.take<int>();
        internal::throw_error(code, answer.take<std::string>());
      }
      case Answer::allowed: {
        channel_.send(Packet::of(Ask::is_allowed, space->permits(answer.take<Params>())));
      }
    }
  }
}

double TrialLink::choose(const Param& param) {
  return ask(Packet::of(Ask::choose, param)).take<double>();
}

Params TrialLink::suggest(const Space& space) {
  return ask(Packet::of(Ask::suggest, space, space.restricted()), &space).take<Params>();
}

void TrialLink::report(int64_t step, std::span<const double> values) {
  ask(Packet::of(Ask::report, step, std::vector<double>(values.begin(), values.end())));
}

void TrialLink::set_constraint(std::optional<std::string_view> name, double value) {
  ask(Packet::of(Ask::constraint, name.has_value(), std::string(name.value_or("")), value));
}

void TrialLink::set_attribute(std::string_view name, const std::string& json) {
  ask(Packet::of(Ask::attribute, std::string(name), json));
}

std::pair<Verdict, bool> TrialLink::verdict(int64_t step) {
  Packet answer = ask(Packet::of(Ask::verdict, step));
  const auto verdict = answer.take<Verdict>();
  return {verdict, answer.take<bool>()};
}

void TrialLink::keep(int64_t step, std::span<const keeping::StateRef> states) {
  if (!states.empty()) save_states(fmt::format("{}/{}", keep_in_, step), states);
  ask(Packet::of(Ask::kept, step, states.size()));
}

Params TrialLink::params() { return ask(Packet::of(Ask::params)).take<Params>(); }

void TrialLink::end(const Outcome& outcome, int error) {
  channel_.send(Packet::of(Ask::outcome, outcome.state(), outcome.values(), outcome.reason(),
                           outcome.step(), error));
}

}  // namespace attune::tune
