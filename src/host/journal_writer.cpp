#include "axs/host/journal_writer.h"

#include <numeric>

namespace axs::host {

Result<std::unique_ptr<JournalWriter>> JournalWriter::start(Journal journal,
                                                            std::size_t backlog_max) {
  Fd event = AXS_TRY(make_event());
  return std::unique_ptr<JournalWriter>{
      new JournalWriter{std::move(journal), std::move(event), backlog_max}};
}

JournalWriter::JournalWriter(Journal journal, Fd event, std::size_t backlog_max)
    : journal_{std::move(journal)},
      event_{std::move(event)},
      backlog_max_{backlog_max},
      next_{journal_.next_sequence()},
      progress_{journal_.durable_end(), std::nullopt},
      thread_{[this] { run(); }} {}

JournalWriter::~JournalWriter() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

Result<std::uint64_t> JournalWriter::append(ByteVector payload) {
  if (payload.size() > journal_.record_size_max())
    return Error{Errc::invalid, "journal: record of " + std::to_string(payload.size()) +
                                    " bytes, want at most " +
                                    std::to_string(journal_.record_size_max())};
  std::unique_lock lock{mutex_};
  if (progress_.failure) return *progress_.failure;
  if (backlog_ + payload.size() > backlog_max_)
    return Error{Errc::exhausted, "journal: " + std::to_string(backlog_) +
                                      " bytes wait for the disk, want at most " +
                                      std::to_string(backlog_max_)};
  backlog_ += payload.size();
  queue_.push_back(std::move(payload));
  const std::uint64_t sequence = next_++;
  lock.unlock();
  work_.notify_one();
  return sequence;
}

void JournalWriter::truncate_before(std::uint64_t sequence) {
  {
    const std::lock_guard lock{mutex_};
    trim_ = std::max(trim_, sequence);
  }
  work_.notify_one();
}

JournalWriter::Progress JournalWriter::progress() {
  clear_event(event_.get());
  const std::lock_guard lock{mutex_};
  return progress_;
}

void JournalWriter::run() {
  std::unique_lock lock{mutex_};
  while (wait_for_work(lock)) write_batch(lock);
}

bool JournalWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
  work_.wait(lock, [this] { return stopping_ || !queue_.empty() || trim_ > trimmed_; });
  return !progress_.failure && (!queue_.empty() || trim_ > trimmed_);
}

void JournalWriter::write_batch(std::unique_lock<std::mutex>& lock) {
  const std::vector<ByteVector> batch = std::exchange(queue_, {});
  const std::uint64_t trim = trim_;
  lock.unlock();
  std::optional<Error> failure;
  if (!batch.empty()) {
    const auto appended = journal_.append(batch);
    const auto synced = appended ? journal_.sync() : Result<>{appended.error()};
    if (!synced) failure = synced.error();
  }
  if (!failure && trim > trimmed_) {
    const auto trimmed = journal_.truncate_before(trim);
    if (!trimmed) failure = trimmed.error();
  }
  const auto written = std::accumulate(
      batch.begin(), batch.end(), std::size_t{0},
      [](std::size_t sum, const ByteVector& payload) { return sum + payload.size(); });
  lock.lock();
  trimmed_ = trim;
  backlog_ -= written;
  progress_ = {journal_.durable_end(), failure};
  raise_event(event_.get());
}

}  // namespace axs::host
