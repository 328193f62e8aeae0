#include "axs/live/lockstep_worker.h"

namespace axs::live {

Result<std::unique_ptr<LockstepWorker>> LockstepWorker::start(const WorkerLauncher& launch,
                                                              train::Begin begin) {
  begin.lockstep = true;
  WorkerConnection connection = AXS_TRY(launch());
  std::unique_ptr<LockstepWorker> worker{new LockstepWorker{std::move(connection)}};
  AXS_TRY(worker->tell(begin));
  return worker;
}

Result<> LockstepWorker::tell(const train::ToWorker& message, ByteView blob) {
  AXS_TRY(settle());
  const bool sent = AXS_TRY(connection_.channel.send(message, blob));
  AXS_ASSERT(sent);  // It has read all that came before, so there is room.
  settled_ = false;
  return Ok{};
}

Result<> LockstepWorker::settle() {
  while (!settled_) {
    Said said = AXS_TRY(hear());
    if (const auto* failed = std::get_if<train::Failed>(&said.message))
      return Error{Errc::unavailable, failed->what};
    if (const auto* paused = std::get_if<train::Paused>(&said.message))
      paused_ = *paused, settled_ = true;
    else
      said_.push_back(std::move(said));
  }
  return Ok{};
}

Result<LockstepWorker::Said> LockstepWorker::hear() {
  auto& channel = connection_.channel;
  bool ended = false;
  while (true) {
    if (auto received = AXS_TRY(channel.receive())) {
      Said said{std::move(received->message), {received->blob.begin(), received->blob.end()}};
      channel.release();
      return said;
    }
    if (ended) return Error{Errc::unavailable, how_it_ended(connection_)};
    // What it said last still counts: after its end the channel is looked at once more.
    if (channel.reader().sleep_until_message())
      ended = !host::wait_readable(channel.reader().fd(), ended_fd(connection_));
  }
}

}  // namespace axs::live
