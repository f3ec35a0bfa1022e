#include "cli/space_changes.h"

#include <set>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/internal/kept_space.h"

namespace attune::cli {
namespace {

std::string range_text(const tune::Param& p) {
  if (p.kind == tune::Param::Kind::categorical) {
    ListInQuotes choices(6);
    for (const tune::ParamValue& c : p.choices) choices.add(c.to_string());
    return choices.text();
  }
  return fmt::format("[{}, {}]{}{}", p.low, p.high, p.log ? " log" : "",
                     p.step > 0 && !p.log ? fmt::format(" step {}", p.step) : "");
}

void append(std::string& list, const std::string& one) { list += (list.empty() ? "" : ", ") + one; }

}  // namespace

SpaceChanges changes_of(const tune::Study& study, const tune::Space& space) {
  const tune::History history = study.history();
  SpaceChanges changes;
  if (history.params().empty()) return changes;
  // It may have been gone on with before, in this space or in another.
  const std::optional<std::string> last = study.attribute(tune::kSpaceAttribute);
  const bool noted = last && *last == tune::KeptSpace::of(space).json();
  std::set<std::string> gone;
  for (const auto& earlier : history.params()) {
    if (!noted && !space.find(earlier->name)) gone.insert(earlier->name);
  }
  for (const std::string& name : gone)
    append(changes.names, in_quotes(name) + " is not in the space");
  for (const tune::Param& p : space.params()) {
    const tune::Param* earlier = history.latest(p.name);
    if (!earlier && p.conditions.empty()) append(changes.names, in_quotes(p.name) + " is new");
    if (!earlier || p.same_distribution(*earlier)) continue;
    p.check_compatible(*earlier);
    append(changes.ranges,
           fmt::format("{}: {} -> {}", printable(p.name), range_text(*earlier), range_text(p)));
  }
  return changes;
}

}  // namespace attune::cli
