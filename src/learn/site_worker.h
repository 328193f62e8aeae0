#pragma once

#include <memory>
#include <vector>

#include "axs/core/result.h"
#include "axs/train/worker_protocol.h"

namespace axs::learn {

/// A message to the agent, with the bytes that travel attached to it.
struct Outgoing {
  train::FromWorker message;
  ByteVector blob;
};

/// The training process of one site, but for its clock and its channel: it works as it is told
/// (train/worker_protocol.h). The same messages between the same steps give the same bits, whether
/// or not it was killed and started again from its folder in between.
///
/// After an Error, which is a sentence for the user, it is of no further use: what it has saved is.
class SiteWorker {
 public:
  /// The one that the job wants; it reads the corpus, and the saved state if the folder holds one
  /// of this job. Errc::invalid if the job is one that it does not know, or another than the one in
  /// the folder.
  static Result<std::unique_ptr<SiteWorker>> create(const train::Begin& begin);
  virtual ~SiteWorker() = default;

  /// The answer to Begin.
  virtual Outgoing ready() const = 0;

  /// Takes in one message; Begin and Slow are not for it.
  virtual Result<> receive(const train::ToWorker& message, ByteView blob,
                           std::vector<Outgoing>& out) = 0;

  /// What it would do now.
  using Work = train::WorkerTask;
  virtual Work next_work() const = 0;
  /// Does that.
  virtual Result<> work(std::vector<Outgoing>& out) = 0;
  /// True after Quit.
  virtual bool ended() const = 0;

  /// Tokens of its shard that it has read.
  virtual std::uint64_t position() const = 0;
  virtual std::uint64_t tokens_per_step() const = 0;
  /// Of the last step, before its update.
  virtual double loss() const = 0;

 protected:
  SiteWorker() = default;
  SiteWorker(SiteWorker&&) = default;
  SiteWorker& operator=(SiteWorker&&) = default;
};

}  // namespace axs::learn
