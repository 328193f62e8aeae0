#include "axs/cli/plan_search.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "axs/cli/progress.h"
#include "axs/host/signals.h"

namespace axs::cli {
namespace {

/// The units of a search, shared out among threads.
class SharedSearch {
 public:
  explicit SharedSearch(const plan::Search& search) : search_{search}, summary_{search} {}

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
    return static_cast<double>(done_) / static_cast<double>(search_.units());
  }
  /// Once no thread is at work. Throws what they did.
  Result<FoundOnCores> result() const {
    if (thrown_) std::rethrow_exception(thrown_);
    auto found = summary_.result([this] { return stopped_.load(); });
    if (!found && stopped_)
      return Error{Errc::exhausted, "plan: none was found before the search was stopped"};
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
    if (stopped_ || next_ == search_.units()) return std::nullopt;
    return Task{next_++, summary_.at_most()};
  }

  const plan::Search& search_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  plan::SearchSummary summary_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::exception_ptr thrown_;
};

}  // namespace

Result<FoundOnCores> search_on_cores(const plan::Search& search,
                                     std::optional<std::chrono::nanoseconds> limit) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  auto signals = AXS_TRY(host::SignalFd::create());
  SharedSearch shared{search};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&shared] { shared.work(); });
  Progress progress{"looking for the best plan"};
  for (double share = 0; share < 1 && !shared.stopped();) {
    share = shared.wait(std::chrono::milliseconds(20));
    progress.show(share);
    if (share < 1 && ((limit && Clock::now() - begun > *limit) || signals.next())) shared.stop();
  }
  threads.clear();
  return shared.result();
}

}  // namespace axs::cli
