#pragma once

#include <optional>
#include <vector>

#include "axs/live/worker_host.h"

namespace axs::live {

/// A worker process that does only what it is told, one message after the other, for a world with a
/// clock of its own. It computes while the caller does something else; the caller waits for it when
/// it wants to know what came of it. All errors are those of a worker that has ended, or cannot go
/// on; one that has is of no further use.
class LockstepWorker {
 public:
  /// A worker that begins so; it is not waited for. It ends with its owner.
  static Result<std::unique_ptr<LockstepWorker>> start(const WorkerLauncher& launch,
                                                       train::Begin begin);

  /// Waits until it has done what it was told before, and tells it that.
  Result<> tell(const train::ToWorker& message, ByteView blob = {});
  /// Waits until it has done all that it was told.
  Result<> settle();

  /// How it stood when it was waited for last.
  const train::Paused& paused() const { return paused_; }
  /// The first T that it has said and nobody has taken, with the bytes that came attached.
  template <class T>
  std::optional<std::pair<T, ByteVector>> take() {
    for (auto said = said_.begin(); said != said_.end(); ++said) {
      auto* message = std::get_if<T>(&said->message);
      if (message == nullptr) continue;
      std::pair taken{std::move(*message), std::move(said->blob)};
      said_.erase(said);
      return taken;
    }
    return std::nullopt;
  }

 private:
  struct Said {
    train::FromWorker message;
    ByteVector blob;
  };

  explicit LockstepWorker(WorkerConnection connection) : connection_{std::move(connection)} {}
  /// The next message, whenever it comes.
  Result<Said> hear();

  WorkerConnection connection_;
  std::vector<Said> said_;
  train::Paused paused_{};
  bool settled_ = true;
};

}  // namespace axs::live
