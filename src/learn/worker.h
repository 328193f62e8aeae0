#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axs/learn/evaluation.h"
#include "axs/learn/outer_fragment.h"
#include "axs/learn/site_worker.h"
#include "axs/learn/state_slots.h"
#include "axs/learn/trainer.h"

namespace axs::learn {

/// The worker of outer synchronisation: it steps, captures, merges and saves.
class Worker final : public SiteWorker {
 public:
  static Result<Worker> create(const train::Begin& begin);

  Outgoing ready() const override;
  Result<> receive(const train::ToWorker& message, ByteView blob,
                   std::vector<Outgoing>& out) override;
  Work next_work() const override;
  Result<> work(std::vector<Outgoing>& out) override;
  bool ended() const override { return ended_; }

  std::uint64_t position() const override { return record_.position; }
  std::uint64_t tokens_per_step() const override { return tokens_per_step_; }
  double loss() const override { return loss_; }
  /// Of the next step: a cosine over the progress of all sites, as far as it is known here.
  double learning_rate() const;
  /// What Export writes and Evaluate looks at: the parameters that all sites share.
  std::vector<float> shared_parameters() const;

 private:
  /// What a state in a folder must be of.
  struct Identity {
    SiteId site;
    std::uint32_t sites = 1;
    std::uint64_t seed = 1;
    catalog::Model model;
    std::uint32_t sequences = 0;
    std::uint32_t fragments = 0;
    Hash256 corpus{};
  };
  /// All of the state but the values; it is saved in front of them.
  struct Record {
    Identity identity;
    std::uint64_t position{};
    std::uint64_t captured_at{};  ///< the position at the last capture of any fragment
    std::uint64_t optimiser_steps{};
    std::uint64_t merged_tokens{};  ///< of all sites, at the last Apply
    std::uint64_t progress{};       ///< of all sites: the most that was estimated so far
    train::SyncId applied;          ///< the next to be applied
    std::optional<std::uint64_t> stop;
    std::vector<std::uint64_t> merged_ends;  ///< by fragment: of this site's tokens
    std::vector<train::SiteSync::Captured> pending;
    /// That of the pending ones which the saved parameters are: it is made again, not saved.
    std::optional<train::SyncId> newest;
    std::vector<train::SiteSync::Applied> merges;  ///< the last ones, for the agent's record
  };
  using Captured = train::SiteSync::Captured;
  using Capture = train::SiteSync::Capture;
  using Apply = train::SiteSync::Apply;
  using Foresee = train::SiteSync::Foresee;

  /// What create() has to make first.
  struct Parts {
    std::shared_ptr<const Corpus> corpus;
    Trainer trainer;
    std::vector<train::Fragment> fragments;
    StateSlots slots;
  };
  Worker(const train::Begin& begin, Parts parts);

  Result<> on(const train::Begin&, ByteView, std::vector<Outgoing>&);
  Result<> on(const Capture& order, ByteView, std::vector<Outgoing>&);
  Result<> on(const Apply& apply, ByteView blob, std::vector<Outgoing>& out);
  Result<> on(const Foresee& foresee, ByteView blob, std::vector<Outgoing>& out);
  Result<> on(const train::Evaluate& message, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Export& message, ByteView, std::vector<Outgoing>& out);
  Result<> on(const train::Slow&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Quit&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::RingOrder&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Chunk&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Proceed&, ByteView, std::vector<Outgoing>& out);

  void step();
  Result<> capture(std::vector<Outgoing>& out);
  void evaluate(std::vector<Outgoing>& out);
  bool due() const;
  bool too_far() const;
  std::uint64_t estimated_progress() const;

  /// A merge, decided or foreseen, whose bytes were checked.
  struct Merge {
    std::vector<OuterFragment::Part> parts;
    train::OuterRule rule;
  };
  Result<Merge> merge_of(train::SyncId sync, const std::vector<train::Contribution>& members,
                         ByteView blob) const;
  Result<OuterFragment::Own> own_part(const Apply& apply) const;
  Result<> merge(const Apply& apply, ByteView blob);
  std::uint32_t fragment_of(train::SyncId sync) const;
  const Captured* pending_of(std::uint32_t fragment) const;
  bool is_newest(const Captured* pending) const {
    return pending != nullptr && record_.newest == pending->sync;
  }

  Result<> save();
  Result<> load();
  Result<> restore(ByteView state);
  Result<> restore_record(WireReader& state);

  train::Begin begin_;
  std::shared_ptr<const Corpus> corpus_;
  Trainer trainer_;
  StateSlots slots_;
  std::uint64_t tokens_per_step_;
  std::uint64_t all_tokens_per_step_;  ///< of all sites
  std::vector<OuterFragment> fragments_;
  Record record_;
  std::optional<Capture> order_;  ///< that stands
  double loss_ = 0;
  bool ended_ = false;
  Evaluator evaluator_;
};

}  // namespace axs::learn
