#include "axs/net/reach.h"

#include <algorithm>
#include <utility>

namespace axs::net {

void Reach::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

std::optional<Instant> Reach::wakeup() const {
  if (!attend_at_ || !probe_at_) return attend_at_ ? attend_at_ : probe_at_;
  return std::min(*attend_at_, *probe_at_);
}

void Reach::on(const WelcomeArrived& event) {
  const Welcome& welcome = event.message;
  if (welcome.room != config_.room) return;
  questions_ = 0;
  const bool news = std::exchange(cookie_, welcome.cookie) != welcome.cookie;
  if (!welcome.accepted) return news ? attend() : void();
  attend_at_ = now_ + keep_place;
  if (!welcome.peer || candidate_ == welcome.peer) return;
  candidate_ = welcome.peer;
  first_probe_ = next_probe_;
  if (!direct_) try_directly();
}

void Reach::on(const ReachConfirmed& event) {
  if (event.number < first_probe_ || event.number >= next_probe_) return;
  confirmed_at_ = now_;
  direct_ = event.from;
  probe_at_ = now_ + confirm_every;
  actions_->push_back(UseWay{event.from});
}

void Reach::on(const SessionChanged& event) {
  session_ = event.up;
  if (session_) return try_directly();
  probe_at_.reset();
  direct_.reset();
  actions_->push_back(UseWay{via_});
}

void Reach::on(const StreamOpened& event) {
  go_through(event.through, true);
}

void Reach::on(const StreamLost&) {
  go_through(config_.meeting, false);
}

void Reach::go_through(const Endpoint& via, bool stream) {
  via_ = via;
  stream_ = stream;
  questions_ = 0;
  cookie_ = {};
  if (!direct_) actions_->push_back(UseWay{via_});
  attend();
}

void Reach::on(const Wakeup&) {
  if (attend_at_ && *attend_at_ <= now_) attend();
  if (probe_at_ && *probe_at_ <= now_) probe();
}

/// Asks for the place until that is answered.
void Reach::attend() {
  attend_at_ = now_ + ask_again;
  if (questions_++ % (questions_max + 1) == questions_max && !stream_)
    return actions_->push_back(OpenStream{});
  actions_->push_back(SendAttend{
      via_, {.room = config_.room, .side = config_.side, .stream = stream_, .cookie = cookie_}});
}

void Reach::try_directly() {
  if (!session_ || !candidate_) return;
  probe_after_ = probe_first;
  probe();
}

void Reach::probe() {
  if (direct_ && now_ - confirmed_at_ >= direct_lasts) {
    direct_.reset();
    probe_after_ = probe_first;
    actions_->push_back(UseWay{via_});
  }
  const std::optional<Endpoint>& to = direct_ ? direct_ : candidate_;
  if (!to) return probe_at_.reset();
  actions_->push_back(SendReachProbe{*to, next_probe_++});
  probe_at_ = now_ + (direct_ ? confirm_every : probe_after_);
  probe_after_ = std::min(2 * probe_after_, probe_later);
}

}  // namespace axs::net
