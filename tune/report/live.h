#pragma once
// The studies of a storage, told to pages while they go on: first all that there is, then what
// changes. `attune serve` sends it over HTTP. Studies are only looked at: nothing is written and no
// lock is held.
//   tune::LiveReports live(tune::open_existing_storage("sqlite:///digits.db"));
//   auto page = live.follow("digits", [] { /* wake whoever calls page->news() */ });
//   for (const tune::LiveMessage& m : page->news()) send(m.event, *m.json);

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attune/tune/storage.h"

namespace attune::tune {

struct LiveMessage {
  // report: all that report_json() returns; what was told before is void. trials: the columns of
  // trials that have changed, and their curves. found: findings and what goes with them. studies:
  // the list. trouble: why nothing can be read now, or an empty text once it can.
  std::string event;
  std::shared_ptr<const std::string> json;  // one line; shared by all who are told
};

struct LiveOptions {
  double every = 0.25;         // seconds between looks at the storage, at least
  double between_reports = 2;  // seconds between two findings of one study, at least
  double share = 0.1;          // of a processor's time that looking, and finding, may take each
};

// Safe for several threads. Two threads of its own look and find; with nobody following, they sleep
// and the storage is not touched.
class LiveReports {
 public:
  // One page. From the first news() on, nothing is missed: whoever is behind gets all of it anew.
  class Follower {
   public:
    virtual ~Follower() = default;
    virtual std::vector<LiveMessage> news() = 0;  // what came since the last call; does not wait
  };

  explicit LiveReports(std::shared_ptr<Storage> storage, const LiveOptions& options = {});
  ~LiveReports();  // after all followers
  LiveReports(const LiveReports&) = delete;
  LiveReports& operator=(const LiveReports&) = delete;

  // Follows a study, or with an empty name the list of all. `on_news` is called from a thread of
  // this class's when news() may have something; it must not call anything of this class.
  std::unique_ptr<Follower> follow(const std::string& study, std::function<void()> on_news);

 private:
  class State;
  std::shared_ptr<State> state_;
};

// A page that follows a study, or with an empty name shows the list: report_page() without data.
// Error in a build without the page.
std::string live_page();

}  // namespace attune::tune
