#include "axs/net/mtu_search.h"

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// RFC 8899 section 5.1.2: MAX_PROBES.
constexpr std::int64_t attempts_max = 3;
/// The same section's PROBE_TIMER, before a round trip is known.
constexpr Duration first_patience = seconds(1);
/// A peer that is busy for a moment is not lost.
constexpr Duration least_patience = milliseconds(50);

}  // namespace

MtuSearch::MtuSearch(const MtuSearchConfig& config)
    : config_{config}, size_{config.base}, too_large_{config.max + 1} {
  AXS_ASSERT(config.base > 0 && config.base <= config.max && config.step > 0);
}

void MtuSearch::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

std::optional<Instant> MtuSearch::wakeup() const {
  if (probe_) return probe_->due;
  if (phase_ == Phase::idle) return std::nullopt;
  return confirm_at_;
}

void MtuSearch::on(const MtuPathOpened&) {
  rtt_ = {};
  enter_base();
}

void MtuSearch::on(const MtuProbeArrived& event) {
  if (!awaited(event.number)) return;
  // An earlier attempt may have been answered late; its sending time is forgotten.
  if (event.number + 1 == next_number_) rtt_.sample(now_, now_ - probe_->sent_at, {});
  probe_.reset();
  if (phase_ == Phase::complete) return finish();
  if (phase_ == Phase::search) size_ = candidate_;
  if (phase_ == Phase::verify) too_large_ = candidate_;
  search();
}

void MtuSearch::on(const MtuProbeRefused& event) {
  if (!awaited(event.number) || phase_ == Phase::base) return;
  if (phase_ != Phase::search) return give_up();
  probe_.reset();
  too_large_ = candidate_;
  search();
}

void MtuSearch::on(const Wakeup&) {
  if (const auto at = wakeup(); !at || now_ < *at) return;
  if (probe_ && phase_ != Phase::base && probe_->attempts == attempts_max) return give_up();
  if (probe_) return send_probe();
  if (now_ < raise_at_) return probe(size_);
  too_large_ = config_.max + 1;
  raise_at_ = now_ + config_.raise_after;
  search();
}

void MtuSearch::enter_base() {
  phase_ = Phase::base;
  too_large_ = config_.max + 1;
  raise_at_ = now_ + config_.raise_after;
  size_ = config_.base;
  probe(config_.base);
}

/// The whole range first, since most paths are as wide as their first link; then by halves.
void MtuSearch::search() {
  if (size_ == config_.max || too_large_ - size_ <= config_.step) return finish();
  phase_ = Phase::search;
  candidate_ = too_large_ > config_.max ? config_.max : size_ + (too_large_ - size_) / 2;
  probe(candidate_);
}

void MtuSearch::finish() {
  phase_ = Phase::complete;
  confirm_at_ = now_ + config_.confirm_every;
}

void MtuSearch::give_up() {
  if (phase_ != Phase::search) return enter_base();
  phase_ = Phase::verify;
  probe(size_);
}

bool MtuSearch::awaited(std::uint32_t number) const {
  return probe_ && number - probe_->first < next_number_ - probe_->first;
}

void MtuSearch::probe(std::uint32_t size) {
  probe_ = Probe{.size = size, .first = next_number_};
  send_probe();
}

void MtuSearch::send_probe() {
  ++probe_->attempts;
  probe_->sent_at = now_;
  probe_->due = now_ + patience();
  actions_->push_back(SendMtuProbe{next_number_++, probe_->size});
}

/// A path that is down is asked ever more seldom.
Duration MtuSearch::patience() const {
  const Duration answer = rtt_.has_sample() ? rtt_.probe_timeout({}) : first_patience;
  return std::min(std::max(answer, least_patience) * probe_->attempts,
                  std::max(config_.confirm_every, answer));
}

}  // namespace axs::net
