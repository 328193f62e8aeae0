#pragma once

#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/train/ring_sync.h"
#include "axs/train/site_sync.h"

/// What an agent and its worker say to each other, over a channel on one machine. Tensors travel
/// attached to the record, as encoded bytes; their sizes are in the record.
namespace axs::train {

inline constexpr std::uint32_t worker_protocol_version = 8;

/// The first message to a new worker. It answers with Ready, from its saved state if `folder` holds
/// one.
struct Begin {
  std::uint32_t version = worker_protocol_version;
  SiteId site;
  std::uint32_t sites = 1;
  std::uint64_t seed = 1;
  catalog::Model model;
  catalog::Train train;
  std::string data;    ///< corpus: a file or a folder; empty for the default one
  std::string folder;  ///< for the saved state
  bool lockstep{};     ///< works only as Proceed tells it, and says Paused after each message
};
/// What a worker does next; wait: nothing before the next message.
enum class WorkerTask : std::uint8_t { step, capture, evaluate, wait };
/// In lockstep: do the next thing, and no more. So a world with a clock of its own drives it.
struct Proceed {};
/// The validation loss of the merged parameters, over the whole validation split or a fixed part of
/// it.
struct Evaluate {
  bool whole = false;
};
/// Write the merged parameters as model.safetensors, config.json and tokenizer.json.
struct Export {
  std::string folder;
};
/// Compute so many times slower than it could: a fault that a scenario asks for. 1 ends it.
struct Slow {
  double factor = 1;
};
/// Save, and end.
struct Quit {};
/// An Apply and a Foresee come with the bytes of their members attached, one after another; a Chunk
/// with its values. A job with sync = "every-step" knows RingOrder and Chunk instead of Capture,
/// Apply and Foresee.
using ToWorker = std::variant<Begin, SiteSync::Capture, SiteSync::Apply, SiteSync::Foresee,
                              Evaluate, Export, Slow, Quit, RingOrder, Chunk, Proceed>;

/// A saved state names so many of the syncs that it has merged last: far more than can be under way
/// to the agent when both are killed.
inline constexpr std::size_t merges_remembered = 256;

inline void remember(std::vector<SiteSync::Applied>& merges, const SiteSync::Applied& merge) {
  if (merges.size() == merges_remembered) merges.erase(merges.begin());
  merges.push_back(merge);
}

/// Comes with the bytes of all pending captures attached, one after another.
struct Ready {
  SiteSync::WorkerReady state;
  std::vector<SiteSync::Applied> merges;  ///< the last below state.applied, in their order: the
                                          ///< agent may have been killed before it noted them
  std::uint64_t parameters{};
  std::uint64_t train_bytes{};
  std::uint64_t validation_bytes{};
  Hash256 corpus{};
};
/// About once a second.
struct Progress {
  std::uint64_t steps{};   ///< since the first start of this site
  std::uint64_t tokens{};  ///< of this site, the position in its shard
  double loss{};           ///< mean over the steps since the last report
  Duration step_time;      ///< likewise
  Duration sync_time;      ///< likewise, of capturing, merging and saving
};
struct Evaluated {
  double loss{};
  std::uint64_t tokens{};  ///< how many were predicted
  Duration took{};         ///< by the worker's clock; zero in lockstep
};
struct Exported {};
/// In lockstep: all that the last message made it say has been said.
struct Paused {
  std::uint64_t tokens{};  ///< of this site, the position in its shard
  double loss{};           ///< of the last step
  WorkerTask next{};
};
/// The job cannot go on: one sentence for the user.
struct Failed {
  std::string what;
};
/// A Captured comes with the bytes of its contribution attached, a Chunk with its values. Ready and
/// Applied count steps where sync is "every-step".
using FromWorker = std::variant<Ready, SiteSync::Captured, SiteSync::Applied, Progress, Evaluated,
                                Exported, Failed, RingReport, Chunk, Paused>;

}  // namespace axs::train
