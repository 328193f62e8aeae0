#include "axs/cli/plan_search.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "axs/cli/progress.h"

namespace axs::cli {
namespace {

struct Searched {
  double share;  ///< of the units
  bool stopped;
};

/// The units of a search, shared out among threads. `Summary` is what they give to what they find.
template <class Summary>
class SharedSearch {
 public:
  SharedSearch(const plan::Search& search, Summary& summary) : search_{search}, summary_{summary} {}

  /// Until there are no units left, or stop(), or something is thrown.
  void work() {
    try {
      while (const auto task = next()) {
        auto found = search_.run(task->unit, task->at_most, [this] { return stopped_.load(); });
        const std::scoped_lock lock{mutex_};
        if (found) summary_.take(std::move(*found));
        if (!stopped_) ++done_;
        changed_.notify_one();
      }
    } catch (...) {
      stop();
      const std::scoped_lock lock{mutex_};
      thrown_ = std::current_exception();
    }
  }
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }
  /// The share of the units that are done, after a while or when all are.
  double wait(std::chrono::nanoseconds span) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, span, [this] { return done_ == search_.units(); });
    return done();
  }
  /// Once no thread is at work. Throws what they did.
  Searched result() const {
    if (thrown_) std::rethrow_exception(thrown_);
    return {done(), stopped_};
  }

 private:
  struct Task {
    std::size_t unit;
    Seconds at_most;
  };

  std::optional<Task> next() {
    const std::scoped_lock lock{mutex_};
    if (stopped_ || next_ == search_.units()) return std::nullopt;
    return Task{next_++, summary_.at_most()};
  }
  double done() const { return static_cast<double>(done_) / static_cast<double>(search_.units()); }

  const plan::Search& search_;
  Summary& summary_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::exception_ptr thrown_;
};

template <class Summary>
Result<Searched> run_on_cores(const plan::Search& search, Summary& summary,
                              const std::function<bool()>& is_over) {
  SharedSearch shared{search, summary};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&shared] { shared.work(); });
  Progress progress{"looking for the best plan"};
  for (double share = 0; share < 1 && !shared.stopped();) {
    share = shared.wait(std::chrono::milliseconds(20));
    progress.show(share);
    if (share < 1 && is_over()) shared.stop();
  }
  threads.clear();
  return shared.result();
}

}  // namespace

Result<FoundOnCores> search_on_cores(const plan::Search& search, Patience& patience,
                                     bool another_follows) {
  plan::SearchSummary summary{search};
  const auto is_over = [&] {
    return another_follows ? patience.is_half_over() : patience.is_over();
  };
  const Searched searched = AXS_TRY(run_on_cores(search, summary, is_over));
  auto found = summary.result([&] { return searched.stopped || is_over(); });
  if (!found && searched.stopped)
    return Error{Errc::exhausted, "plan: none was found before the search was stopped"};
  if (!found) return found.error();
  return FoundOnCores{std::move(*found), searched.share};
}

Result<double> search_on_cores(plan::Replanning& replanning, Patience& patience) {
  return AXS_TRY(run_on_cores(replanning.search(), replanning, [&] { return patience.is_over(); }))
      .share;
}

}  // namespace axs::cli
