#include "axs/live/transfer_files.h"

namespace axs::live {

Result<std::unique_ptr<TransferFiles>> TransferFiles::start(TransferDisk::Config config) {
  host::Fd event = AXS_TRY(host::make_event());
  return std::unique_ptr<TransferFiles>{new TransferFiles{std::move(config), std::move(event)}};
}

TransferFiles::TransferFiles(TransferDisk::Config config, host::Fd event)
    : disk_{std::move(config), stopping_}, event_{std::move(event)}, thread_{[this] { run(); }} {}

TransferFiles::~TransferFiles() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void TransferFiles::want(TransferWork work, ByteVector bytes) {
  {
    const std::lock_guard lock{mutex_};
    queue_.emplace_back(std::move(work), std::move(bytes));
  }
  work_.notify_one();
}

std::vector<TransferAnswer> TransferFiles::take() {
  host::clear_event(event_.get());
  const std::lock_guard lock{mutex_};
  return std::exchange(answers_, {});
}

void TransferFiles::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto [work, bytes] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    auto answer = disk_.perform(work, std::move(bytes));
    lock.lock();
    if (!answer) continue;
    answers_.push_back(*std::move(answer));
    host::raise_event(event_.get());
  }
}

}  // namespace axs::live
