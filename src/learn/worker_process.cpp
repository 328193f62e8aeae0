#include "axs/learn/worker_process.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace axs::learn {

namespace {
constexpr auto report_interval = std::chrono::seconds(1);
/// The first reports come no later than after so many steps each: a short run has some, too.
constexpr std::uint64_t early_steps = 10;
constexpr int early_reports = 5;
/// A fault that a scenario asks for is at most this slow, so that its end is noticed in time.
constexpr double slow_max = 1'000;
}  // namespace

Result<> WorkerProcess::run() {
  auto result = serve();
  if (!result) {
    outgoing_.push_back({train::Failed{result.error().what}, {}});
    if (const auto sent = send_queued(); !sent) return result;  // What failed first tells more.
  }
  return result;
}

Result<> WorkerProcess::serve() {
  while (true) {
    (void)AXS_TRY(receive_all());
    (void)AXS_TRY(send_queued());
    if (worker_ && worker_->ended() && outgoing_.empty()) return Ok{};
    if (parent_.ended())
      return Error{Errc::unavailable, "worker: the agent that started it has ended"};
    if (has_work() && Clock::now() >= paused_until_)
      (void)AXS_TRY(work());
    else
      (void)AXS_TRY(sleep());
  }
}

Result<> WorkerProcess::receive_all() {
  while (true) {
    const auto received = AXS_TRY(channel_.receive());
    if (!received) return Ok{};
    auto result = receive(received->message, received->blob);
    channel_.release();
    if (!result) return result;
    if (lockstep_) made_.push_back({paused(), {}});
    // The next site on a ring need not wait for all that has come here.
    (void)AXS_TRY(send_queued());
  }
}

Result<> WorkerProcess::receive(const train::ToWorker& message, ByteView blob) {
  if (const auto* begin = std::get_if<train::Begin>(&message); begin && !worker_) {
    worker_ = AXS_TRY(SiteWorker::create(*begin));
    lockstep_ = begin->lockstep;
    outgoing_.push_back(worker_->ready());
    return Ok{};
  }
  if (!worker_) return Error{Errc::invalid, "worker: another message first, want begin"};
  if (const auto* slow = std::get_if<train::Slow>(&message)) {
    if (!(slow->factor >= 1 && slow->factor <= slow_max))
      return Error{Errc::invalid, "worker: slow by " + std::to_string(slow->factor) +
                                      ", want 1 to " + std::to_string(slow_max)};
    slow_ = slow->factor;
    paused_until_ = {};
    return Ok{};
  }
  const auto begin = Clock::now();
  AXS_TRY(worker_->receive(message, blob, made_));
  sync_time_sum_ += Clock::now() - begin;
  return Ok{};
}

/// That it does by itself.
bool WorkerProcess::has_work() const {
  return worker_ && !lockstep_ && worker_->next_work() != SiteWorker::Work::wait;
}

train::Paused WorkerProcess::paused() const {
  return {worker_->position(), worker_->loss(), worker_->next_work()};
}

Result<> WorkerProcess::work() {
  const SiteWorker::Work work = worker_->next_work();
  const auto begin = Clock::now();
  (void)AXS_TRY(worker_->work(made_));
  const auto took = Clock::now() - begin;
  if (work == SiteWorker::Work::step) note_step(took);
  if (work == SiteWorker::Work::capture) sync_time_sum_ += took;
  if (work == SiteWorker::Work::evaluate) note_evaluation(took);
  return Ok{};
}

void WorkerProcess::note_evaluation(Clock::duration took) {
  evaluation_time_ += took;
  for (Outgoing& outgoing : made_)
    if (auto* evaluated = std::get_if<train::Evaluated>(&outgoing.message))
      evaluated->took =
          Duration{std::chrono::nanoseconds{std::exchange(evaluation_time_, {})}.count()};
}

void WorkerProcess::note_step(Clock::duration took) {
  const auto now = Clock::now();
  const auto pause = std::chrono::duration_cast<Clock::duration>(took * (slow_ - 1));
  paused_until_ = now + pause;
  ++reported_steps_;
  loss_sum_ += worker_->loss();
  step_time_sum_ += took + pause;
  const bool early = reports_ < early_reports && reported_steps_ >= early_steps;
  if (now - reported_at_ < report_interval && !early) return;
  report_progress();
  reported_at_ = now;
}

void WorkerProcess::report_progress() {
  outgoing_.push_back(
      {train::Progress{worker_->position() / worker_->tokens_per_step(), worker_->position(),
                       loss_sum_ / static_cast<double>(reported_steps_), per_step(step_time_sum_),
                       per_step(sync_time_sum_)},
       {}});
  ++reports_;
  reported_steps_ = 0;
  loss_sum_ = 0;
}

/// The mean since the last report; the sum begins anew.
Duration WorkerProcess::per_step(Clock::duration& sum) const {
  const std::chrono::nanoseconds total = std::exchange(sum, {});
  return Duration{total.count() / static_cast<std::int64_t>(reported_steps_)};
}

Result<> WorkerProcess::send_queued() {
  std::ranges::move(made_, std::back_inserter(outgoing_));
  made_.clear();
  while (!outgoing_.empty()) {
    if (!AXS_TRY(channel_.send(outgoing_.front().message, outgoing_.front().blob))) return Ok{};
    outgoing_.pop_front();
  }
  return Ok{};
}

Result<> WorkerProcess::sleep() {
  std::array<pollfd, 3> waited{
      {{parent_.fd(), POLLIN, 0}, {channel_.reader().fd(), POLLIN, 0}, {-1, POLLIN, 0}}};
  if (!channel_.reader().sleep_until_message()) return Ok{};
  if (!outgoing_.empty()) {
    const auto& [message, blob] = outgoing_.front();
    if (!channel_.writer().sleep_until_free(AXS_TRY(channel_.size_of(message, blob.size()))))
      return Ok{};
    waited[2].fd = channel_.writer().fd();
  }
  if (::poll(waited.data(), waited.size(), milliseconds_to_sleep()) < 0 && errno != EINTR)
    return host::system_error("worker: poll");
  return Ok{};
}

/// For poll(): -1 is until something comes.
int WorkerProcess::milliseconds_to_sleep() const {
  if (!has_work()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(paused_until_ - Clock::now());
  return static_cast<int>(
      std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace axs::learn
