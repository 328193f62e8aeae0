#pragma once

#include <optional>
#include <vector>

#include "axs/learn/evaluation.h"
#include "axs/learn/site_worker.h"
#include "axs/learn/state_slots.h"
#include "axs/learn/trainer.h"
#include "axs/train/ring.h"

namespace axs::learn {

/// The worker of sync = "every-step": it computes a gradient, adds it to the chunks that come round
/// the ring, and takes the optimiser step with the mean of all sites. The norm is clipped after the
/// mean. It saves every train::ring_save_period steps and after the last.
class RingWorker final : public SiteWorker {
 public:
  static Result<RingWorker> create(const train::Begin& begin);

  Outgoing ready() const override;
  Result<> receive(const train::ToWorker& message, ByteView blob,
                   std::vector<Outgoing>& out) override;
  Work next_work() const override;
  Result<> work(std::vector<Outgoing>& out) override;
  bool ended() const override { return ended_; }

  std::uint64_t position() const override { return step_.value * tokens_per_step_; }
  std::uint64_t tokens_per_step() const override { return tokens_per_step_; }
  double loss() const override { return loss_; }
  std::span<const float> parameters() const { return trainer_.parameters(); }
  std::uint64_t steps() const { return steps_; }

 private:
  /// What a state in a folder must be of; it is saved in front of the values.
  struct Identity {
    SiteId site;
    std::uint32_t sites = 1;
    std::uint64_t seed = 1;
    catalog::Model model;
    std::uint32_t sequences = 0;
    std::uint64_t tokens = 0;
    Hash256 corpus{};
  };
  struct Record {
    Identity identity;
    train::SyncId step;                            ///< the next
    std::vector<train::SiteSync::Applied> merges;  ///< the last ones, for the agent's record
  };
  struct Early {
    train::Chunk chunk;
    ByteVector values;
  };

  RingWorker(const train::Begin& begin, std::shared_ptr<const Corpus> corpus, Trainer trainer,
             StateSlots slots);

  Result<> on(const train::RingOrder& order, ByteView, std::vector<Outgoing>& out);
  Result<> on(const train::Chunk& chunk, ByteView values, std::vector<Outgoing>& out);
  Result<> on(const train::Evaluate& message, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Export& message, ByteView, std::vector<Outgoing>& out);
  Result<> on(const train::Quit&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Proceed&, ByteView, std::vector<Outgoing>& out);
  /// What is for the other kind of worker.
  template <class Other>
  Result<> on(const Other&, ByteView, std::vector<Outgoing>&);

  Result<> compute(std::vector<Outgoing>& out);
  Result<> take(const train::Chunk& chunk, ByteView values, std::vector<Outgoing>& out);
  void weigh();
  void send(std::uint32_t piece, std::uint32_t hop, std::vector<Outgoing>& out);
  Result<> finish_step(std::vector<Outgoing>& out);

  Result<> save();
  Result<> load();
  Result<> rewind(train::SyncId step);
  Result<Record> read_record(WireReader& state) const;
  Result<> restore(ByteView state);

  Identity identity_;
  std::shared_ptr<const Corpus> corpus_;
  Trainer trainer_;
  StateSlots slots_;
  Evaluator evaluator_;
  std::uint64_t tokens_per_step_;
  std::uint64_t all_tokens_per_step_;  ///< of all sites
  std::uint64_t steps_;
  train::SyncId step_;                            ///< The next.
  train::SyncId saved_;                           ///< The one that follows the newest saved state.
  std::vector<train::SiteSync::Applied> merges_;  ///< The last ones, for the agent's record.
  std::uint64_t attempt_ = 0;
  train::RingStage stage_ = train::RingStage::halted;
  std::optional<train::RingReduce> reduce_;  ///< While the gradient is on its way.
  std::vector<Early> early_;                 ///< Chunks that came before the own gradient.
  double loss_ = 0;
  bool ended_ = false;
};

}  // namespace axs::learn
