#include "axs/net/steered_transport.h"

#include <algorithm>
#include <utility>

namespace axs::net {

namespace {

/// Less is gone before an order could come.
constexpr std::uint64_t worth_an_order = 1 << 20;
constexpr Duration longest_lease = seconds(60);
/// Bytes per second; of more no sum overflows.
constexpr double least_rate = 1;
constexpr double greatest_rate = 1e13;

bool honest(const RouteOrder& order) {
  const bool lasts = order.lasting >= Duration{} && order.lasting <= longest_lease;
  for (auto share = order.bulk.begin(); share != order.bulk.end(); ++share) {
    const double rate = share->rate.value();
    const bool fits =
        share->path.value < Transport::max_paths &&
        std::find_if(
            order.bulk.begin(), share,
            [&](const PathShare& other) { return other.path == share->path; }) == share;
    if (!fits || !(rate >= least_rate && rate <= greatest_rate)) return false;
  }
  return lasts;
}

}  // namespace

void SteeredTransport::step(Instant now, const Event& event, std::vector<Action>& actions) {
  lapse(now, actions);
  if (const auto* message = std::get_if<SendMessage>(&event);
      message != nullptr && message->traffic == TrafficClass::gradient)
    gradients_.waits(transport_.waiting(TrafficClass::gradient) + message->size);
  transport_.step(now, event, actions);
  if (const auto* down = std::get_if<PathDown>(&event)) {
    SpreadSet rest = lease_;
    const auto at = std::find(rest.paths.begin(), rest.paths.end(), down->path);
    if (at == rest.paths.end()) return;
    rest.rates.erase(rest.rates.begin() + (at - rest.paths.begin()));
    rest.paths.erase(at);
    set(now, std::move(rest), actions);
  }
}

std::optional<Instant> SteeredTransport::wakeup() const {
  const auto at = transport_.wakeup();
  if (lease_.paths.empty() || (at && *at < lease_ends_)) return at;
  return lease_ends_;
}

bool SteeredTransport::obey(Instant now, const RouteOrder& order, std::vector<Action>& actions) {
  const bool fits = honest(order);
  SpreadSet lease{.traffic = TrafficClass::bulk, .paths = {}};
  if (fits && order.lasting > Duration{})
    for (const PathShare& share : order.bulk) {
      if (!transport_.is_up(share.path)) continue;
      lease.paths.push_back(share.path);
      lease.rates.push_back(static_cast<std::uint64_t>(share.rate.value()));
    }
  lease_ends_ = now + order.lasting;
  set(now, std::move(lease), actions);
  return fits;
}

void SteeredTransport::lapse(Instant now, std::vector<Action>& actions) {
  if (lease_.paths.empty() || now < lease_ends_) return;
  lapsed_ = true;
  set(now, {.traffic = TrafficClass::bulk, .paths = {}}, actions);
}

/// A lease that is only renewed leaves the transport as it is.
void SteeredTransport::set(Instant now, SpreadSet lease, std::vector<Action>& actions) {
  if (lease == lease_) return;
  lease_ = std::move(lease);
  transport_.step(now, lease_, actions);
}

void SteeredTransport::describe(Instant now, LinkReport& report) {
  gradients_.sent(now, transport_.sent(TrafficClass::gradient));
  report.use = {.bulk_waiting = transport_.waiting(TrafficClass::bulk),
                .gradient_rate = gradients_.rate(),
                .gradient_burst = gradients_.burst()};
  for (PathReport& path : report.paths) {
    const CapacityEstimator* known = transport_.capacity(path.path);
    if (known == nullptr) continue;
    path.carries = {known->capacity(now), known->proven(), known->steps()};
  }
}

bool SteeredTransport::has_news() {
  const std::uint64_t waiting = transport_.waiting(TrafficClass::bulk);
  if (waiting < worth_an_order) told_ = 0;
  if (waiting < std::max(worth_an_order, 2 * told_)) return false;
  told_ = waiting;
  return true;
}

}  // namespace axs::net
