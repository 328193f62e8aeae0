#include "axs/cli/plan_search.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "axs/cli/progress.h"

namespace axs::cli {
namespace {

/// The units of a search, shared out among threads.
class SharedSearch {
 public:
  explicit SharedSearch(const plan::Search& search) : search_{search}, summary_{search} {}

  /// Until there are no units left, or stop().
  void work() {
    while (const auto task = next()) {
      auto found = search_.run(task->unit, task->at_most);
      const std::scoped_lock lock{mutex_};
      if (found) summary_.take(std::move(*found));
      ++done_;
      changed_.notify_one();
    }
  }
  void stop() {
    const std::scoped_lock lock{mutex_};
    next_ = search_.units();
  }
  /// The share of the units that are done, after a while or when all are.
  double wait(std::chrono::nanoseconds span) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, span, [this] { return done_ == search_.units(); });
    return static_cast<double>(done_) / static_cast<double>(search_.units());
  }
  /// Once no thread is at work.
  Result<FoundOnCores> result() const {
    auto found = summary_.result();
    if (!found && done_ < search_.units())
      return Error{Errc::exhausted, "plan: none was found within the limit, want a longer --limit"};
    if (!found) return found.error();
    return FoundOnCores{std::move(*found),
                        static_cast<double>(done_) / static_cast<double>(search_.units())};
  }

 private:
  struct Task {
    std::size_t unit;
    Seconds at_most;
  };

  std::optional<Task> next() {
    const std::scoped_lock lock{mutex_};
    if (next_ == search_.units()) return std::nullopt;
    return Task{next_++, summary_.at_most()};
  }

  const plan::Search& search_;
  std::mutex mutex_;
  std::condition_variable changed_;
  plan::SearchSummary summary_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
};

}  // namespace

Result<FoundOnCores> search_on_cores(const plan::Search& search,
                                     std::optional<std::chrono::nanoseconds> limit) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  SharedSearch shared{search};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&shared] { shared.work(); });
  Progress progress{"looking for the best plan"};
  for (double share = 0; share < 1;) {
    share = shared.wait(std::chrono::milliseconds(50));
    progress.show(share);
    if (limit && Clock::now() - begun > *limit) break;
  }
  shared.stop();
  for (std::thread& thread : threads) thread.join();
  return shared.result();
}

}  // namespace axs::cli
