#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "axs/host/channel.h"
#include "axs/host/process.h"
#include "axs/learn/site_worker.h"

namespace axs::learn {

/// The worker's end of the channel to its agent.
using WorkerChannel = host::Channel<train::FromWorker, train::ToWorker>;

/// Drives a SiteWorker: takes messages between its steps, sleeps when there is nothing to do, paces
/// it when it is to be slow, and reports its progress. In lockstep it does what each message says,
/// and sleeps.
class WorkerProcess {
 public:
  WorkerProcess(WorkerChannel channel, host::Process parent)
      : channel_{std::move(channel)}, parent_{std::move(parent)} {}

  /// Until Quit. An Error is for the user; the agent was told it as Failed, if it still listens.
  Result<> run();

 private:
  using Clock = std::chrono::steady_clock;

  Result<> serve();
  Result<> receive_all();
  Result<> receive(const train::ToWorker& message, ByteView blob);
  bool has_work() const;
  Result<> work();
  train::Paused paused() const;
  void note_step(Clock::duration took);
  void note_evaluation(Clock::duration took);
  Duration per_step(Clock::duration& sum) const;
  void report_progress();
  Result<> send_queued();
  Result<> sleep();
  int milliseconds_to_sleep() const;

  WorkerChannel channel_;
  host::Process parent_;
  std::unique_ptr<SiteWorker> worker_;
  std::vector<Outgoing> made_;     ///< by one call of the worker
  std::deque<Outgoing> outgoing_;  ///< that the ring had no room for yet
  bool lockstep_ = false;
  double slow_ = 1;
  Clock::time_point paused_until_;  ///< so that a step takes as long as it is told

  Clock::time_point reported_at_ = Clock::now();
  int reports_ = 0;
  std::uint64_t reported_steps_ = 0;  ///< since the last report
  double loss_sum_ = 0;
  Clock::duration step_time_sum_{};
  Clock::duration sync_time_sum_{};
  Clock::duration evaluation_time_{};  ///< of the one under way
};

}  // namespace axs::learn
