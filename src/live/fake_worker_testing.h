#pragma once

#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "axs/core/rng.h"
#include "axs/live/run_testing.h"
#include "axs/live/worker_host.h"

/// For tests: workers without a model, each a thread at the other end of a channel. Nothing outside
/// tests includes this.
namespace axs::live::testing {

inline host::RingFds copies_of(const host::RingFds& fds) {
  return {must(host::duplicate(fds.memory)), must(host::duplicate(fds.data)),
          must(host::duplicate(fds.space))};
}

/// One site's worker over all its lives: it keeps the contract of train::SiteSync, and its
/// contributions are random bytes. What a real one would keep on the disk is kept here.
class FakeWorker {
 public:
  static constexpr std::uint64_t tokens_per_step = 64;
  static constexpr std::size_t contribution_bytes = 20'000;
  static constexpr int step_ms = 2;

  struct Applied {
    train::Decision decision;
    Hash256 hash{};
    bool operator==(const Applied&) const = default;
  };

  FakeWorker(SiteId site, std::uint32_t fragments) : site_{site} {
    saved_.merged.resize(fragments);
  }
  ~FakeWorker() { kill(); }

  /// Starts a life; the one before is over.
  Result<WorkerConnection> launch() {
    const std::scoped_lock lock{life_};
    end_life();
    stop_ = must(host::make_event());
    ended_ = must(host::make_event());
    host::RingFds out = must(host::make_ring(1 << 20)), in = must(host::make_ring(1 << 20));
    auto own = must(WorkerChannel::open(copies_of(out), copies_of(in)));
    thread_ =
        std::thread{[this, channel = must(Other::open(std::move(in), std::move(out)))]() mutable {
          state_ = saved_;
          live(channel);
          host::raise_event(ended_.get());
        }};
    return WorkerConnection{std::move(own), must(host::duplicate(ended_))};
  }
  /// Ends this life at once, without a word. From any thread.
  void kill() {
    const std::scoped_lock lock{life_};
    end_life();
  }

  /// Waits until so many syncs are merged; false if that takes a minute.
  bool wait_applied(std::uint64_t syncs) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::minutes{1},
                             [&] { return applied_.size() >= syncs; });
  }
  // Once all is quiet.
  const std::map<train::SyncId, Applied>& applied() const { return applied_; }
  const std::vector<ByteVector>& contributions() const { return contributions_; }
  /// The first sync that the saved state lacks.
  train::SyncId saved() const { return saved_.applied; }

 private:
  using Other = host::Channel<train::FromWorker, train::ToWorker>;
  using SyncId = train::SyncId;

  struct Pending {
    train::Contribution contribution;
    ByteVector bytes;
  };
  struct State {
    std::uint64_t position = 0;
    std::uint64_t captured_at = 0;
    std::vector<std::uint64_t> merged;
    SyncId applied;
    std::map<SyncId, Pending> pending;
    std::optional<train::SiteSync::Capture> order;
    std::optional<std::uint64_t> stop;
    Hash256 model{};
    std::vector<train::SiteSync::Applied> merges;
  };

  void end_life() {
    if (!thread_.joinable()) return;
    host::raise_event(stop_.get());
    thread_.join();
  }
  void live(Other& channel) {
    while (!must_end(channel)) {
      if (!state_.order || (reached() && blocked()))
        rest(channel, -1);
      else if (!reached())
        rest(channel, step_ms), state_.position += tokens_per_step;
      else
        capture(channel);
    }
  }
  /// Takes all messages; true if it is to end.
  bool must_end(Other& channel) {
    pollfd stop{stop_.get(), POLLIN, 0};
    if (::poll(&stop, 1, 0) > 0) return true;
    while (auto received = must(channel.receive())) {
      if (std::holds_alternative<train::Quit>(received->message)) return true;
      std::visit([&](const auto& message) { take(channel, message, received->blob); },
                 received->message);
      channel.release();
    }
    return false;
  }
  void rest(Other& channel, int wait_ms) {
    if (!channel.reader().sleep_until_message()) return;
    std::array<pollfd, 2> waited{{{channel.reader().fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(waited.data(), waited.size(), wait_ms);
  }
  bool reached() const {
    const bool stopped = state_.stop && state_.position >= *state_.stop;
    return stopped || state_.position - state_.captured_at >= state_.order->steps * tokens_per_step;
  }
  std::uint32_t fragment(SyncId sync) const {
    return train::fragment_of(sync, static_cast<std::uint32_t>(state_.merged.size()));
  }
  bool blocked() const {
    for (const auto& [sync, pending] : state_.pending)
      if (fragment(sync) == fragment(state_.order->sync)) return true;
    return false;
  }

  void take(Other& channel, const train::Begin&, ByteView) {
    state_.order.reset();
    train::Ready ready;
    ready.state.applied = state_.applied;
    ready.merges = state_.merges;
    ByteVector blob;
    for (const auto& [sync, pending] : state_.pending) {
      ready.state.pending.push_back({sync, pending.contribution, state_.applied});
      blob.insert(blob.end(), pending.bytes.begin(), pending.bytes.end());
    }
    say(channel, ready, blob);
  }
  void take(Other&, const train::SiteSync::Capture& order, ByteView) {
    if (order.sync >= state_.applied) state_.order = order;
  }
  void take(Other& channel, const train::SiteSync::Apply& apply, ByteView blob) {
    AXS_ASSERT(apply.sync == state_.applied);
    Sha256 model;
    model.update(state_.model);
    for (const train::Contribution& member : apply.decision.members) {
      const ByteView bytes = blob.first(member.size);
      AXS_ASSERT(sha256(bytes) == member.content);
      model.update(bytes);
      blob = blob.subspan(member.size);
      if (member.site != site_) continue;
      AXS_ASSERT(member.tokens.begin == state_.merged[fragment(apply.sync)]);
      state_.merged[fragment(apply.sync)] = member.tokens.end;
    }
    AXS_ASSERT(blob.empty());
    state_.model = model.value();
    state_.pending.erase(apply.sync);
    state_.applied = next(apply.sync);
    // Nobody would ever say that a capture which comes now is decided.
    if (state_.order && state_.order->sync < state_.applied) state_.order.reset();
    if (apply.stop) state_.stop = apply.stop;
    remember(apply);
    train::remember(state_.merges, {apply.sync, state_.model});
    say(channel, state_.merges.back());
  }
  void take(Other&, const train::SiteSync::Foresee& foresee, ByteView blob) {
    for (const train::Contribution& member : foresee.members) {
      AXS_ASSERT(sha256(blob.first(member.size)) == member.content);
      blob = blob.subspan(member.size);
    }
    AXS_ASSERT(blob.empty());
  }
  void take(Other& channel, const train::Evaluate&, ByteView) {
    say(channel, train::Evaluated{1.5, 100});
  }
  void take(Other& channel, const train::Export&, ByteView) { say(channel, train::Exported{}); }
  void take(Other&, const train::Slow&, ByteView) {}
  void take(Other&, const train::Quit&, ByteView) {}
  void take(Other&, const train::RingOrder&, ByteView) {}
  void take(Other&, const train::Chunk&, ByteView) {}
  void take(Other&, const train::Proceed&, ByteView) {}

  /// The same sync may be merged again after a kill: with the same outcome.
  void remember(const train::SiteSync::Apply& apply) {
    const std::scoped_lock lock{mutex_};
    const Applied now{apply.decision, state_.model};
    const auto [entry, fresh] = applied_.emplace(apply.sync, now);
    AXS_ASSERT(fresh || entry->second == now);
    changed_.notify_all();
  }
  void capture(Other& channel) {
    const SyncId sync = state_.order->sync;
    Pending pending{{site_, {state_.merged[fragment(sync)], state_.position}, {}, 0}, {}};
    if (pending.contribution.tokens.count() > 0) {
      Rng rng = Rng{site_.value + 1}.fork(sync.value).fork(state_.position);
      pending.bytes.resize(contribution_bytes);
      for (auto& byte : pending.bytes) byte = static_cast<std::uint8_t>(rng.next());
      contributions_.push_back(pending.bytes);
    }
    pending.contribution.size = pending.bytes.size();
    pending.contribution.content = sha256(pending.bytes);
    state_.pending[sync] = pending;
    state_.captured_at = state_.position;
    state_.order.reset();
    saved_ = state_;
    say(channel, train::SiteSync::Captured{sync, pending.contribution, state_.applied},
        pending.bytes);
  }
  void say(Other& channel, const train::FromWorker& message, ByteView blob = {}) {
    // An agent that was killed reads no more; then nobody misses it.
    (void)must(channel.send(message, blob));
  }

  SiteId site_;
  std::mutex life_;  ///< Of the thread and what begins anew with it.
  State saved_;
  State state_;
  host::Fd stop_;
  host::Fd ended_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<SyncId, Applied> applied_;
  std::vector<ByteVector> contributions_;
};

}  // namespace axs::live::testing
