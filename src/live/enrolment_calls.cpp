#include "axs/live/enrolment_calls.h"

#include "axs/host/clock.h"

namespace axs::live {

namespace {

/// A home agent that was away is to be found again soon after it is back.
constexpr Duration retry_max = seconds(4);

catalog::UtcTime utc_now() {
  return catalog::UtcTime{host::unix_time().ns};
}

net::TunnelConfig call_config(SiteId local, SiteId peer, net::Incarnation incarnation) {
  net::TunnelConfig config;
  config.local = local;
  config.peer = peer;
  config.incarnation = incarnation;
  config.retry_max = retry_max;
  return config;
}

net::TunnelConfig config_of(const CallToDesk::Config& call) {
  net::TunnelConfig config = call_config(call.self, call.home, call.incarnation);
  config.role = net::TlsRole::client;
  return config;
}

}  // namespace

template <class End>
void EnrolmentCall<End>::wake(Instant now) {
  if (const auto at = wakeup(); at && *at <= now) step(now, Wakeup{});
}

template <class End>
void EnrolmentCall<End>::take(Instant now, net::HandshakeSegment segment) {
  step(now, net::SegmentArrived{std::move(segment)});
}

template <class End>
void EnrolmentCall<End>::step(Instant now, const net::TunnelEvent& event) {
  now_ = now;
  std::vector<net::TunnelAction> actions;
  policy_.step(now, event, actions);
  for (auto& action : actions) std::visit([this](auto& a) { this->perform(a); }, action);
}

template <class End>
void EnrolmentCall<End>::perform(net::StartTls& action) {
  auto end = make_();
  if (!end) {
    failure_ = std::move(end).error();
    return step(now_, net::TlsFailed{action.handshake});
  }
  talk_.emplace(Talk{action.handshake, *std::move(end)});
  pump(now_, Ok{});
}

template <class End>
void EnrolmentCall<End>::perform(net::FeedTls& action) {
  if (talk_ && talk_->id == action.handshake) pump(now_, talk_->end.feed(action.bytes));
}

template <class End>
void EnrolmentCall<End>::perform(net::DropTls& action) {
  if (!talk_ || talk_->id != action.handshake) return;
  talk_.reset();
  if (!failure_) failure_ = Error{Errc::timeout, "enrolment: the conversation broke off"};
}

/// An alert, or the reply, goes out before the policy hears how it ended.
template <class End>
void EnrolmentCall<End>::pump(Instant now, const Result<>& told) {
  const net::HandshakeId id = talk_->id;
  const bool finished = talk_->end.finished();
  ByteVector output = talk_->end.take_output();
  if (!output.empty()) step(now, net::TlsOutput{id, std::move(output)});
  if (finished) step(now, net::TlsFinished{id});
  if (told) return;
  failure_ = told.error();
  step(now, net::TlsFailed{id});
}

template class EnrolmentCall<EnrolmentClient>;
template class EnrolmentCall<EnrolmentServer>;

CallToDesk::CallToDesk(Config config)
    : call_{config_of(config), [newcomer = std::move(config.newcomer)] {
              return EnrolmentClient::create(newcomer, utc_now());
            }} {}

std::optional<Result<Credentials>> CallToDesk::outcome() {
  const EnrolmentClient* end = call_.end();
  return end == nullptr ? std::nullopt : end->outcome();
}

CallsAtDesk::Call& CallsAtDesk::call_of(SiteId site) {
  if (const auto found = calls_.find(site); found != calls_.end()) return found->second;
  net::TunnelConfig config = call_config(self_, site, incarnation_);
  config.role = net::TlsRole::server;
  return calls_.try_emplace(site, config, [this] { return desk_.serve(); }).first->second;
}

Result<> CallsAtDesk::take(Instant now, SiteId from, net::HandshakeSegment segment) {
  Call& call = call_of(from);
  call.take(now, std::move(segment));
  EnrolmentServer* end = call.end();
  if (end == nullptr || !end->request() || end->finished()) return Ok{};
  const EnrolmentReply reply = AXS_TRY(desk_.decide(*end->request(), utc_now()));
  call.pump(now, end->answer(reply));
  return Ok{};
}

std::optional<Instant> CallsAtDesk::wakeup() const {
  std::optional<Instant> next;
  for (const auto& [site, call] : calls_)
    if (const auto at = call.wakeup(); at && (!next || *at < *next)) next = at;
  return next;
}

void CallsAtDesk::wake(Instant now) {
  for (auto& [site, call] : calls_) call.wake(now);
}

std::vector<CallsAtDesk::Segment> CallsAtDesk::take_segments() {
  std::vector<Segment> all;
  for (auto& [site, call] : calls_)
    for (auto& segment : call.take_segments()) all.push_back({site, std::move(segment)});
  return all;
}

std::optional<std::pair<SiteId, Error>> CallsAtDesk::take_failure() {
  for (auto& [site, call] : calls_)
    if (auto failure = call.take_failure()) return std::pair{site, *std::move(failure)};
  return std::nullopt;
}

}  // namespace axs::live
