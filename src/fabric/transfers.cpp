#include "axs/fabric/transfers.h"

#include <algorithm>

namespace axs::fabric {

Transfers::Transfers(const Config& config)
    : transfers_{config.transfers}, budget_tokens_{config.budget_tokens} {
  for (std::uint32_t i = 0; i < transfers_.size(); ++i) {
    const TransferId id{i};
    const auto& [from, to] = std::pair{transfers_[i].from, transfers_[i].to};
    if (from == config.self) senders_.try_emplace(id, id, to, config.incarnation);
    if (to == config.self) receivers_.try_emplace(id, id, from);
  }
}

void Transfers::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& held) { on(held); }, event);
  actions_ = nullptr;
}

std::optional<Instant> Transfers::wakeup() const {
  std::optional<Instant> earliest;
  for (const auto& [id, sender] : senders_) {
    const auto* time = std::get_if<Duration>(&due_at(id));
    if (!sender.waits() || time == nullptr) continue;
    const Instant at = Instant{} + *time;
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

const catalog::FaultTime& Transfers::due_at(TransferId transfer) const {
  return transfers_[transfer.value].at;
}

bool Transfers::counts_tokens() const {
  return std::ranges::any_of(senders_, [this](const auto& entry) {
    return entry.second.waits() && std::holds_alternative<double>(due_at(entry.first));
  });
}

void Transfers::open_due() {
  const auto due = [this](const catalog::FaultTime& at) {
    if (const auto* time = std::get_if<Duration>(&at)) return Instant{} + *time <= now_;
    return static_cast<double>(merged_) >=
           std::get<double>(at) * static_cast<double>(budget_tokens_);
  };
  for (auto& [id, sender] : senders_)
    if (sender.waits() && due(due_at(id))) sender.open(*actions_);
}

void Transfers::on(const Merged& event) {
  merged_ = event.tokens;
  open_due();
}

void Transfers::on(const PeerStarted& event) {
  for (auto& [id, sender] : senders_)
    if (sender.peer() == event.peer) sender.peer_started(*actions_);
}

void Transfers::on(const TransferBroken& event) {
  if (const auto found = senders_.find(event.transfer); found != senders_.end())
    found->second.broken(*actions_);
  else
    receivers_.at(event.transfer).broken(*actions_);
}

void Transfers::on(const Heard& event) {
  const bool honest =
      std::visit([&](const auto& message) { return hear(event.from, message); }, event.message);
  if (!honest) actions_->push_back(TransferLie{event.from});
}

bool Transfers::hear(SiteId from, const TransferOffer& message) {
  TransferReceiver* here = receiver(from, message.transfer);
  return here != nullptr && here->hear(message, *actions_);
}

bool Transfers::hear(SiteId from, const TransferKept& message) {
  TransferSender* here = sender(from, message.transfer);
  return here != nullptr && here->hear(now_, message, *actions_);
}

bool Transfers::hear(SiteId from, const TransferPiece& message) {
  TransferReceiver* here = receiver(from, message.transfer);
  return here != nullptr && here->hear(message, *actions_);
}

bool Transfers::hear(SiteId from, const TransferGivenUp& message) {
  if (TransferSender* here = sender(from, message.transfer)) return here->refused(*actions_), true;
  TransferReceiver* here = receiver(from, message.transfer);
  if (here != nullptr) here->withdrawn();
  return here != nullptr;
}

bool Transfers::hear(SiteId from, const TransferAgain& message) {
  TransferSender* here = sender(from, message.transfer);
  return here != nullptr && here->hear(message, *actions_);
}

TransferSender* Transfers::sender(SiteId to, TransferId transfer) {
  const auto found = senders_.find(transfer);
  return found != senders_.end() && found->second.peer() == to ? &found->second : nullptr;
}

TransferReceiver* Transfers::receiver(SiteId from, TransferId transfer) {
  const auto found = receivers_.find(transfer);
  return found != receivers_.end() && found->second.peer() == from ? &found->second : nullptr;
}

bool Transfers::over() const {
  const auto is_over = [](const auto& entry) { return entry.second.over(); };
  return std::ranges::all_of(senders_, is_over) && std::ranges::all_of(receivers_, is_over);
}

bool Transfers::under_way(SiteId peer) const {
  const auto is_with = [peer](const auto& entry) {
    return entry.second.peer() == peer && !entry.second.over();
  };
  return std::ranges::any_of(senders_, is_with) || std::ranges::any_of(receivers_, is_with);
}

std::uint64_t Transfers::left(SiteId peer) const {
  std::uint64_t bytes = 0;
  for (const auto& [id, sender] : senders_)
    if (sender.peer() == peer) bytes += sender.left();
  return bytes;
}

}  // namespace axs::fabric
