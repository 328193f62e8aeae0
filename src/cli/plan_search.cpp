#include "axs/cli/plan_search.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "axs/cli/progress.h"

namespace axs::cli {
namespace {

/// Tasks that do not depend on each other, shared out among threads.
class SharedTasks {
 public:
  /// The one with that number. Once `stop` says so it may end without having done all.
  using Task = std::function<void(std::size_t number, const plan::Stop& stop)>;

  SharedTasks(std::size_t count, Task task) : count_{count}, task_{std::move(task)} {}

  /// Until there are no tasks left, or stop(), or something is thrown.
  void work() {
    try {
      while (const auto number = next()) {
        task_(*number, [this] { return stopped_.load(); });
        const std::scoped_lock lock{mutex_};
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
  /// The share of the tasks that are done, after a while or when all are.
  double wait(std::chrono::nanoseconds span) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, span, [this] { return done_ == count_; });
    return done();
  }
  /// The same once no thread is at work. Throws what they did.
  double result() const {
    if (thrown_) std::rethrow_exception(thrown_);
    return done();
  }

 private:
  std::optional<std::size_t> next() {
    const std::scoped_lock lock{mutex_};
    if (stopped_ || next_ == count_) return std::nullopt;
    return next_++;
  }
  double done() const {
    return count_ == 0 ? 1 : static_cast<double>(done_) / static_cast<double>(count_);
  }

  const std::size_t count_;
  const Task task_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::exception_ptr thrown_;
};

/// Threads that work at the tasks.
std::vector<std::jthread> workers(SharedTasks& tasks) {
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back([&tasks] { tasks.work(); });
  return threads;
}

/// The share of the tasks that were done before `is_over`.
double run_on_cores(SharedTasks& tasks, const std::string& what,
                    const std::function<bool()>& is_over) {
  std::vector<std::jthread> threads = workers(tasks);
  Progress progress{what};
  for (double share = 0; share < 1 && !tasks.stopped();) {
    share = tasks.wait(std::chrono::milliseconds(20));
    progress.show(share);
    if (share < 1 && is_over()) tasks.stop();
  }
  threads.clear();
  return tasks.result();
}

/// The units of a search. `Summary` is what they give to what they find.
template <class Summary>
double search_units(const plan::Search& search, Summary& summary,
                    const std::function<bool()>& is_over) {
  std::mutex mutex;
  SharedTasks tasks{search.units(), [&](std::size_t unit, const plan::Stop& stop) {
                      const Seconds at_most = [&] {
                        const std::scoped_lock lock{mutex};
                        return summary.at_most();
                      }();
                      auto found = search.run(unit, at_most, stop);
                      const std::scoped_lock lock{mutex};
                      if (found) summary.take(*std::move(found));
                    }};
  return run_on_cores(tasks, "looking for the best plan", is_over);
}

}  // namespace

Result<FoundOnCores> search_on_cores(const plan::Search& search, Patience& patience,
                                     Seconds at_most, bool another_follows) {
  plan::SearchSummary summary{search, at_most};
  const double searched = search_units(search, summary, [&] {
    return another_follows ? patience.is_half_over() : patience.is_over();
  });
  auto found = summary.fastest();
  if (!found && searched < 1)
    return Error{Errc::timeout, "plan: none was found before the search was stopped"};
  if (!found) return found.error();
  return FoundOnCores{*std::move(found), searched, summary.best()};
}

void compare_on_cores(const plan::Search& search, FoundOnCores& found, Patience& patience) {
  if (!found.fastest) return;
  std::vector<plan::RunnerUp>& others = found.result.others;
  for (const plan::Method& method : search.methods())
    if (method != found.fastest->plan.method)
      others.push_back({method, std::nullopt, plan::not_compared});
  SharedTasks tasks{others.size(), [&](std::size_t number, const plan::Stop& stop) {
                      plan::RunnerUp& other = others[number];
                      other = plan::runner_up(search, *found.fastest, other.method, stop);
                    }};
  if (found.searched < 1) tasks.stop();
  run_on_cores(tasks, "comparing methods", [&] { return patience.is_over(); });
  plan::sort_runners_up(others);
}

Result<double> search_on_cores(plan::Replanning& replanning, Patience& patience) {
  return search_units(replanning.search(), replanning, [&] { return patience.is_over(); });
}

std::size_t first_on_cores(std::size_t count, const plan::Trial& trial) {
  std::atomic<std::size_t> first = count;
  SharedTasks tasks{count, [&](std::size_t number, const plan::Stop& stop) {
                      const auto is_needless = [&] { return number > first || stop(); };
                      if (is_needless() || !trial(number, is_needless)) return;
                      std::size_t known = first;
                      while (number < known && !first.compare_exchange_weak(known, number)) {
                      }
                    }};
  workers(tasks).clear();
  tasks.result();
  return first;
}

}  // namespace axs::cli
