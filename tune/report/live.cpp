#include "attune/tune/report/live.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "attune/base/error.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/report/internal/report_parts.h"
#include "attune/tune/report/internal/watched.h"
#include "attune/tune/study_view.h"

namespace attune::tune {
namespace {

using Clock = std::chrono::steady_clock;
using Text = std::shared_ptr<const std::string>;

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

// What is known of one study. The looking thread alone uses `watched`, the finding thread alone
// `view`; the lock guards everything else.
struct Topic {
  std::string name;
  std::unique_ptr<internal::Watched> watched;
  std::optional<StudyView> view;
  int64_t view_generation = -1;

  int followers = 0;
  bool loaded = false;
  int64_t generation = 0;  // counts how often the study was read from the beginning
  int64_t version = 0;     // of the trials: the number of the last change
  int64_t seen = 0;        // counts events of any kind; findings are of `found_seen`
  int64_t found_seen = -1;
  std::deque<std::pair<int64_t, Text>> changes;  // those after version `oldest`
  int64_t oldest = 0;
  Text base, found;          // null: not found yet
  int64_t base_version = 0;  // which changes the base has in it
  int64_t found_count = 0;
  Clock::time_point due = {};  // no findings before
  Text trouble;
  int64_t trouble_count = 0;

  void drop_base() {
    base = found = nullptr;
    changes.clear();
    found_seen = -1;
  }
};

}  // namespace

class LiveReports::State : public std::enable_shared_from_this<State> {
 public:
  State(std::shared_ptr<Storage> storage, const LiveOptions& options)
      : storage_(std::move(storage)), options_(options) {}

  class Page;

  void start() {
    looking_ = std::thread([this] { look(); });
    finding_ = std::thread([this] { find(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    looking_.join();
    finding_.join();
  }

  std::unique_ptr<Follower> follow(const std::string& study, std::function<void()> on_news);

 private:
  // Looks at what is followed, again and again.
  void look() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stop_ || !pages_.empty(); });
      if (stop_) return;
      hurry_ = false;
      const Clock::time_point begin = Clock::now();
      const bool list = list_followers_ > 0;
      std::vector<std::shared_ptr<Topic>> todo;
      for (const auto& [name, topic] : topics_) {
        if (topic->followers > 0) todo.push_back(topic);
      }
      lock.unlock();
      for (const std::shared_ptr<Topic>& topic : todo) look_at(*topic);
      if (list) look_at_list();
      lock.lock();
      const Clock::duration pause = std::max(
          seconds(options_.every),
          std::chrono::duration_cast<Clock::duration>((Clock::now() - begin) / options_.share));
      changed_.wait_for(lock, pause, [&] { return stop_ || hurry_; });
    }
  }

  void look_at(Topic& topic) {
    bool any = false;
    std::string changes, trouble;
    try {
      any = topic.watched->look();
      // Read from the beginning: the base will have it all.
      if (any && topic.loaded) changes = topic.watched->changes();
      if (any && !topic.loaded) topic.watched->pass_over();
    } catch (const std::exception& e) {
      trouble = e.what();
    }
    const std::lock_guard lock(mutex_);
    set_trouble(topic, trouble);
    if (!trouble.empty()) {
      topic.loaded = false;
      return;
    }
    if (!any) return;
    ++topic.seen;
    if (!topic.loaded) {
      topic.loaded = true;
      ++topic.generation;
      topic.drop_base();
      topic.due = {};
    } else if (topic.followers == 0) {
      topic.drop_base();
    } else if (!changes.empty()) {
      topic.changes.emplace_back(++topic.version, shared(std::move(changes)));
      tell();
    }
    changed_.notify_all();  // there is something to find
  }

  void look_at_list() {
    std::string text;
    try {
      Document list = Document::array();
      std::set<std::string> names;
      for (const StudyInfo& info : storage_->studies()) {
        names.insert(info.name);
        const std::shared_ptr<Topic> topic = topic_of(info.name);
        if (!followed(*topic)) look_at(*topic);  // the others just have been
        const Text trouble = trouble_of(*topic);
        list.push_back(trouble ? Document({{"name", info.name}, {"error", *trouble}})
                               : topic->watched->summary());
      }
      text = list.dump_any();
      const std::lock_guard lock(mutex_);
      std::erase_if(topics_, [&](const auto& entry) {
        return entry.second->followers == 0 && !names.contains(entry.first);
      });
      list_trouble_ = nullptr;
    } catch (const std::exception& e) {
      const std::lock_guard lock(mutex_);
      list_trouble_ = shared(Document(e.what()).dump_any());
      ++list_version_;
      return tell();
    }
    const std::lock_guard lock(mutex_);
    if (list_ && *list_ == text) return;
    list_ = shared(std::move(text));
    ++list_version_;
    tell();
  }

  // Finds out what follows from the trials, where that is not known yet.
  void find() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      std::shared_ptr<Topic> next;
      for (const auto& [name, topic] : topics_) {
        const bool wanted =
            topic->followers > 0 && topic->loaded && topic->found_seen != topic->seen;
        if (wanted && (!next || topic->due < next->due)) next = topic;
      }
      if (!next) {
        changed_.wait(lock);
      } else if (next->due > Clock::now()) {
        changed_.wait_until(lock, next->due);
      } else {
        find_of(*next, lock);
      }
    }
  }

  void find_of(Topic& topic, std::unique_lock<std::mutex>& lock) {
    const int64_t version = topic.version, seen = topic.seen, generation = topic.generation;
    lock.unlock();
    const Clock::time_point begin = Clock::now();
    std::string trouble;
    Text base, found;
    try {
      if (!topic.view || topic.view_generation != generation) {
        topic.view.emplace(storage_, topic.name);
        topic.view_generation = generation;
      }
      internal::ReportParts parts = internal::report_parts(*topic.view);
      base = shared(std::move(parts.all)), found = shared(std::move(parts.findings));
    } catch (const std::exception& e) {
      trouble = e.what();
      topic.view.reset();
    }
    lock.lock();
    const Clock::time_point now = Clock::now();
    topic.due =
        now + std::max(seconds(options_.between_reports),
                       std::chrono::duration_cast<Clock::duration>((now - begin) / options_.share));
    if (topic.generation != generation) return;
    set_trouble(topic, trouble);
    if (!base) return;
    // Pages have most likely been told all up to this base; they keep to changes. Of those a page
    // may lack that is a little behind, the ones since the last base are kept.
    topic.oldest = topic.base ? topic.base_version : version;
    while (!topic.changes.empty() && topic.changes.front().first <= topic.oldest) {
      topic.changes.pop_front();
    }
    topic.base = std::move(base), topic.found = std::move(found);
    topic.base_version = version;
    topic.found_seen = seen;
    ++topic.found_count;
    tell();
  }

  void set_trouble(Topic& topic, const std::string& text) {
    const bool same = topic.trouble ? *topic.trouble == text : text.empty();
    if (same) return;
    topic.trouble = text.empty() ? nullptr : shared(text);
    ++topic.trouble_count;
    tell();
  }

  std::shared_ptr<Topic> topic_of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Topic>& topic = topics_[name];
    if (!topic) {
      topic = std::make_shared<Topic>();
      topic->name = name;
      topic->watched = std::make_unique<internal::Watched>(storage_, name);
    }
    return topic;
  }

  bool followed(const Topic& topic) {
    const std::lock_guard lock(mutex_);
    return topic.followers > 0 && topic.loaded;
  }
  Text trouble_of(const Topic& topic) {
    const std::lock_guard lock(mutex_);
    return topic.trouble;
  }

  void tell();

  const std::shared_ptr<Storage> storage_;
  const LiveOptions options_;
  std::thread looking_, finding_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, hurry_ = false;
  std::map<std::string, std::shared_ptr<Topic>> topics_;
  std::set<Page*> pages_;
  int list_followers_ = 0;
  Text list_, list_trouble_;
  int64_t list_version_ = 0;
};

class LiveReports::State::Page : public LiveReports::Follower {
 public:
  // Without a topic: the list.
  Page(std::shared_ptr<State> state, std::shared_ptr<Topic> topic, std::function<void()> on_news)
      : state_(std::move(state)), topic_(std::move(topic)), on_news_(std::move(on_news)) {
    const std::lock_guard lock(state_->mutex_);
    state_->pages_.insert(this);
    ++followers();
    state_->hurry_ = true;
    state_->changed_.notify_all();
  }
  ~Page() override {
    const std::lock_guard lock(state_->mutex_);
    state_->pages_.erase(this);
    --followers();
  }

  std::vector<LiveMessage> news() override {
    const std::lock_guard lock(state_->mutex_);
    return topic_ ? of_study() : of_list();
  }

 private:
  friend class State;

  int& followers() { return topic_ ? topic_->followers : state_->list_followers_; }

  std::vector<LiveMessage> of_list() {
    if (state_->list_version_ == 0 || told_ == state_->list_version_) return {};
    told_ = state_->list_version_;
    if (state_->list_trouble_) return {{"trouble", state_->list_trouble_}};
    return {{"studies", state_->list_}};
  }

  std::vector<LiveMessage> of_study() {
    std::vector<LiveMessage> messages;
    const Topic& t = *topic_;
    if (trouble_told_ != t.trouble_count) {
      trouble_told_ = t.trouble_count;
      const Document text(t.trouble ? *t.trouble : std::string());
      messages.push_back({"trouble", shared(text.dump_any())});
    }
    if (!t.base) return messages;
    if (generation_ != t.generation || told_ < t.oldest) {
      messages.push_back({"report", t.base});
      generation_ = t.generation;
      told_ = t.base_version;
      found_told_ = t.found_count;
    }
    for (const auto& [version, change] : t.changes) {
      if (version <= told_) continue;
      messages.push_back({"trials", change});
      told_ = version;
    }
    if (found_told_ != t.found_count) {
      messages.push_back({"found", t.found});
      found_told_ = t.found_count;
    }
    return messages;
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<Topic> topic_;
  const std::function<void()> on_news_;
  int64_t generation_ = -1, told_ = -1, found_told_ = 0, trouble_told_ = 0;
};

void LiveReports::State::tell() {
  for (const Page* page : pages_) page->on_news_();
}

std::unique_ptr<LiveReports::Follower> LiveReports::State::follow(const std::string& study,
                                                                  std::function<void()> on_news) {
  return std::make_unique<Page>(shared_from_this(), study.empty() ? nullptr : topic_of(study),
                                std::move(on_news));
}

LiveReports::LiveReports(std::shared_ptr<Storage> storage, const LiveOptions& options)
    : state_(std::make_shared<State>(std::move(storage), options)) {
  state_->start();
}
LiveReports::~LiveReports() { state_->stop(); }

std::unique_ptr<LiveReports::Follower> LiveReports::follow(const std::string& study,
                                                           std::function<void()> on_news) {
  return state_->follow(study, std::move(on_news));
}

}  // namespace attune::tune
