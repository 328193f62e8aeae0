#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axs/learn/evaluation.h"
#include "axs/learn/outer_fragment.h"
#include "axs/learn/state_slots.h"
#include "axs/learn/trainer.h"
#include "axs/train/worker_protocol.h"

namespace axs::learn {

/// A message to the agent, with the bytes that travel attached to it.
struct Outgoing {
  train::FromWorker message;
  ByteVector blob;
};

/// The training process of one site, but for its clock and its channel: it steps, captures, merges
/// and saves as it is told (train/worker_protocol.h). The same messages between the same steps give
/// the same bits, whether or not it was killed and started again from its folder in between.
///
/// After an Error, which is a sentence for the user, it is of no further use: what it has saved is.
class Worker {
 public:
  /// Reads the corpus, and the saved state if the folder holds one of this job. Errc::invalid if
  /// the job is one that it does not know, or another than the one in the folder.
  static Result<Worker> create(const train::Begin& begin);

  /// The answer to Begin.
  Outgoing ready() const;

  /// Takes in one message; Begin and Slow are not for it.
  Result<> receive(const train::ToWorker& message, ByteView blob, std::vector<Outgoing>& out);

  /// What it would do now; wait: nothing before the next message.
  enum class Work { step, capture, evaluate, wait };
  Work next_work() const;
  /// Does that.
  Result<> work(std::vector<Outgoing>& out);
  /// True after Quit.
  bool ended() const { return ended_; }

  /// Tokens of its shard that it has read.
  std::uint64_t position() const { return record_.position; }
  std::uint64_t tokens_per_step() const { return tokens_per_step_; }
  /// Of the last step, before its update.
  double loss() const { return loss_; }
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
  };
  using Captured = train::SiteSync::Captured;
  using Capture = train::SiteSync::Capture;
  using Apply = train::SiteSync::Apply;

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
  Result<> on(const train::Evaluate& message, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Export& message, ByteView, std::vector<Outgoing>& out);
  Result<> on(const train::Slow&, ByteView, std::vector<Outgoing>&);
  Result<> on(const train::Quit&, ByteView, std::vector<Outgoing>&);

  void step();
  Result<> capture(std::vector<Outgoing>& out);
  void evaluate(std::vector<Outgoing>& out);
  bool due() const;
  std::uint64_t estimated_progress() const;

  Result<> check_members(const Apply& apply, ByteView blob) const;
  Result<OuterFragment::Own> own_part(const Apply& apply) const;
  Result<> merge(const Apply& apply, ByteView blob);
  std::uint32_t fragment_of(train::SyncId sync) const;
  const Captured* pending_of(std::uint32_t fragment) const;

  Result<> save();
  Result<> load();
  Result<> restore(ByteView state);
  Result<> restore_record(WireReader& state);

  train::Begin begin_;
  std::shared_ptr<const Corpus> corpus_;
  Trainer trainer_;
  StateSlots slots_;
  std::uint64_t tokens_per_step_;
  std::vector<OuterFragment> fragments_;
  Record record_;
  std::optional<Capture> order_;  ///< that stands
  double loss_ = 0;
  bool ended_ = false;

  std::unique_ptr<Model> evaluated_;  ///< once something was to be evaluated
  std::deque<train::Evaluate> evaluations_;
  std::optional<Evaluation> evaluation_;
};

}  // namespace axs::learn
