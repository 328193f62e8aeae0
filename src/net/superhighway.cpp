#include "axs/net/superhighway.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/core/assert.h"
#include "axs/net/frame.h"
#include "axs/net/max_min.h"
#include "axs/net/packet.h"
#include "axs/net/route_choice.h"
#include "axs/net/total_flow.h"
#include "axs/net/transport.h"

namespace axs::net {

namespace {

/// Which part of the bytes on a link are frames.
constexpr double udp_and_ip = 28;
constexpr double packet_bytes =
    static_cast<double>(Transport::Config{}.packet_size) + max_packet_overhead + udp_and_ip;
constexpr double frame_share =
    static_cast<double>(Transport::Config{}.packet_size - packet_overhead) / packet_bytes;
/// And which are packets inside the tunnel.
constexpr double packet_share = Transport::Config{}.packet_size / packet_bytes;
/// The rest of a link is for control, hellos, acknowledgements and what a clock is wrong by.
constexpr double usable = 0.98;
/// A measured capacity this close to the nominal one is the same: estimates err by as much.
constexpr double same_capacity = 0.9;
/// A change of an input by less is none.
constexpr double tolerance = 0.05;
/// What waits should be gone within a second, before the next report.
constexpr double patience_seconds = 1;
/// A path whose share is a smaller part of the whole than this is not worth its packets.
constexpr double least_part = 0.02;
constexpr double least_rate = 1000;  ///< Bytes per second; a lease of less lets nothing pass.
constexpr std::size_t paths_max = 4;
/// What a pair has if there is no room at all: without a lease it would not be held back. It comes
/// out of what is not usable.
constexpr double trickle_part = 0.001;
/// For more pairs than these at once max-min takes too long (`net_bench` says how long).
constexpr std::size_t fair_demands = 200;

bool differ(double a, double b) {
  return std::fabs(a - b) > tolerance * std::max(std::fabs(a), std::fabs(b));
}

double total(const std::vector<PathShare>& shares) {
  double sum = 0;
  for (const PathShare& share : shares) sum += share.rate.value();
  return sum;
}

}  // namespace

Superhighway::Superhighway(const Topology& topology, const Config& config) : config_{config} {
  for (const UnderlayLink& link : topology.links()) {
    links_.push_back({link.a, link.b, link.id, link.rate_ab.value()});
    links_.push_back({link.b, link.a, link.id, link.rate_ba.value()});
  }
}

Superhighway::Hops Superhighway::hops_of(SiteId from, const CandidatePath& path) const {
  Hops hops;
  for (const LinkId id : path.span()) {
    auto link = std::ranges::lower_bound(links_, id, {}, &Link::id);
    AXS_ASSERT(link != links_.end() && link->id == id);
    if (link->from != from) ++link;
    hops.push_back(static_cast<std::uint32_t>(link - links_.begin()));
    from = link->to;
  }
  return hops;
}

Superhighway::Needs Superhighway::needs_of(const LinkReport& report,
                                           std::span<const CandidatePath> paths,
                                           const std::vector<PathReport>& attractive) const {
  Needs needs;
  const auto fast = cheapest(attractive);
  double possible = 0;
  for (const PathReport& path : attractive) {
    const bool near = fast && latency_cost(path) <=
                                  scaled(latency_cost(attractive[fast->value]), config_.stretch);
    needs.ways.push_back({path.up && near, path.carries.known.value() / packet_share});
    const double nominal = paths[path.path.value].rate.value();
    if (needs.ways.back().usable) possible += nominal > 0 ? nominal : needs.ways.back().measured;
  }
  const double wanted =
      static_cast<double>(report.use.bulk_waiting) / frame_share / patience_seconds;
  needs.bulk = std::min(wanted, possible);
  const auto& route = report.routes[static_cast<std::size_t>(TrafficClass::gradient)];
  if (!route || report.use.gradient_burst == 0) return needs;
  needs.gradient_path = route->primary;
  needs.gradients = report.use.gradient_rate.value() / frame_share;
  needs.burst = static_cast<double>(report.use.gradient_burst) / frame_share;
  needs.latency = report.paths[route->primary.value].rtt_least.seconds() / 2;
  return needs;
}

std::vector<Superhighway::Pair> Superhighway::hear(Instant now, const LinkReport& report,
                                                   std::span<const CandidatePath> paths,
                                                   const std::vector<PathReport>& attractive) {
  Held& held = pairs_[{report.from, report.to}];
  if (held.hops.empty())
    for (const CandidatePath& path : paths) held.hops.push_back(hops_of(report.from, path));
  needy_ -= held.needs_plan() ? 1 : 0;
  held.heard = needs_of(report, paths, attractive);
  held.heard_at = now;
  needy_ += held.needs_plan() ? 1 : 0;
  stale_ = stale_ || new_to_plan(held);
  const bool lost = std::any_of(held.shares.begin(), held.shares.end(), [&](const auto& share) {
    return !held.heard.ways[share.path.value].usable;
  });
  const bool rested = !planned_at_ || now - *planned_at_ >= config_.damping;
  const bool old = planned_at_ && now - *planned_at_ >= config_.refresh;
  // A burst comes message by message: the first of them says little of what is to come.
  const bool grown = held.heard.bulk > 2 * held.planned.bulk && planned_at_ &&
                     now - *planned_at_ >= config_.damping / 10;
  if (needy_ == 0 || !(lost || grown || old || (stale_ && rested))) return {};
  return plan(now);
}

bool Superhighway::new_to_plan(const Held& held) const {
  const Needs& heard = held.heard;
  const Needs& before = held.planned;
  return differ(heard.bulk, before.bulk) || differ(heard.gradients, before.gradients) ||
         differ(heard.burst, before.burst) || differ(heard.latency, before.latency) ||
         heard.gradient_path != before.gradient_path ||
         !std::equal(heard.ways.begin(), heard.ways.end(), before.ways.begin(), before.ways.end(),
                     [](const Way& now, const Way& was) {
                       return now.usable == was.usable && !differ(now.measured, was.measured);
                     });
}

/// What of each link there is, and which gradients pass it.
std::vector<Superhighway::Room> Superhighway::rooms(Instant now) const {
  std::vector<Room> rooms(links_.size());
  for (std::size_t i = 0; i < links_.size(); ++i) rooms[i].capacity = links_[i].nominal;
  for (const auto& [pair, held] : pairs_) {
    const Needs& needs = held.heard;
    if (!needs.gradient_path || !fresh(held, now)) continue;
    for (const std::uint32_t link : held.hops[needs.gradient_path->value]) {
      Room& room = rooms[link];
      room.gradients += needs.gradients;
      room.burst += needs.burst;  // All may send at once: they wait for each other.
      room.latency = room.pairs == 0 ? needs.latency : std::min(room.latency, needs.latency);
      ++room.pairs;
      room.sole = pair;
    }
  }
  measure(rooms);
  return rooms;
}

/// A pair that measures a link measures what all others leave it.
void Superhighway::measure(std::vector<Room>& rooms) const {
  std::vector<double> loads(links_.size());
  const auto bulk = [](const Held& held, const auto& visit) {
    for (const PathShare& share : held.shares)
      for (const std::uint32_t link : held.hops[share.path.value])
        visit(link, share.rate.value() / frame_share);
  };
  for (std::size_t i = 0; i < rooms.size(); ++i) loads[i] = rooms[i].gradients;
  for (const auto& [pair, held] : pairs_)
    bulk(held, [&](std::uint32_t link, double rate) { loads[link] += rate; });
  std::vector<double> seen(links_.size());
  for (const auto& [pair, held] : pairs_)
    for (std::size_t path = 0; path < held.heard.ways.size(); ++path) {
      const double measured = held.heard.ways[path].measured;
      if (measured == 0 || held.hops[path].size() != 1) continue;
      const std::uint32_t link = held.hops[path][0];
      double own = held.heard.gradient_path == PathId{static_cast<std::uint8_t>(path)}
                       ? held.heard.gradients
                       : 0;
      bulk(held, [&](std::uint32_t other, double rate) { own += other == link ? rate : 0; });
      seen[link] = std::max(seen[link], measured + std::max(loads[link] - own, 0.0));
    }
  for (std::size_t i = 0; i < rooms.size(); ++i)
    if (seen[i] > 0 && (links_[i].nominal == 0 || seen[i] < same_capacity * links_[i].nominal))
      rooms[i].capacity = seen[i];
}

/// What all bulk together may take. The wait of a packet at a link of utilisation u is u s / (2 (1
/// - u)) if others come at random (M/D/1), s being a packet's time; it shall be at most harm times
/// the latency: u <= x / (1 + x) with x = 2 harm latency / s.
double Superhighway::spare(const Room& room) const {
  double utilisation = usable;
  if (room.pairs > 0) {
    const double x = 2 * config_.harm * room.latency * room.capacity / packet_bytes;
    utilisation = std::min(utilisation, x / (1 + x));
  }
  return std::max(utilisation * room.capacity - room.gradients, 0.0);
}

/// What bulk of other pairs may take: it shares the link's queue with a burst of gradients, which
/// takes burst / capacity alone, and while it passes bulk comes at its rate, which lengthens it by
/// rate / capacity. (A site sends the bulk of a pair after the gradients of the same.)
double Superhighway::spare_for_others(const Room& room) const {
  if (room.burst <= 0) return room.capacity;
  const double part = config_.harm * (1 + room.latency * room.capacity / room.burst);
  return std::min(part, 1.0) * room.capacity;
}

Superhighway::Hops Superhighway::constraints(const Pair& pair, const Hops& hops,
                                             const std::vector<Room>& rooms) const {
  Hops all = hops;
  for (const std::uint32_t link : hops)
    if (rooms[link].pairs > 1 || (rooms[link].pairs == 1 && rooms[link].sole != pair))
      all.push_back(link + static_cast<std::uint32_t>(links_.size()));
  return all;
}

std::vector<Superhighway::Pair> Superhighway::plan(Instant now) {
  planned_at_ = now;
  stale_ = false;
  const std::vector<Room> rooms = this->rooms(now);
  std::vector<Offer> offers = this->offers(now, rooms);
  const FlowProblem problem = problem_of(offers, rooms);
  const PathFlows flows = problem.demands() <= fair_demands ? share_max_min(problem).flows
                                                            : maximise_total_flow(problem).flows;
  for (std::size_t i = 0; i < flows.size(); ++i)
    offers[i].held->next.push_back({offers[i].path, BytesPerSecond{flows[i] * frame_share}});
  std::vector<Pair> changed;
  needy_ = 0;
  for (auto& [pair, held] : pairs_) {
    if (assign(held)) changed.push_back(pair);
    needy_ += held.needs_plan() ? 1 : 0;
  }
  return changed;
}

/// Pair after pair.
std::vector<Superhighway::Offer> Superhighway::offers(Instant now, const std::vector<Room>& rooms) {
  std::vector<Offer> offers;
  for (auto& [pair, held] : pairs_) {
    held.planned = held.heard;
    held.trickle.reset();
    if (held.heard.bulk == 0 || !fresh(held, now)) continue;
    std::size_t taken = 0;
    for (std::size_t path = 0; path < held.hops.size() && taken < paths_max; ++path) {
      if (!held.heard.ways[path].usable) continue;
      offers.push_back({&held, PathId{static_cast<std::uint8_t>(path)},
                        constraints(pair, held.hops[path], rooms)});
      ++taken;
      double least = rooms[held.hops[path][0]].capacity;
      for (const std::uint32_t link : held.hops[path])
        least = std::min(least, rooms[link].capacity);
      if (least > 0 && !held.trickle)
        held.trickle = {offers.back().path, BytesPerSecond{trickle_part * least * frame_share}};
    }
  }
  return offers;
}

/// Only of links that some offer passes: the solver has a row for each. Numbers the constraints
/// anew.
FlowProblem Superhighway::problem_of(std::vector<Offer>& offers,
                                     const std::vector<Room>& rooms) const {
  constexpr std::uint32_t unused = UINT32_MAX;
  std::vector<std::uint32_t> numbers(2 * links_.size(), unused);
  std::vector<BytesPerSecond> capacities;
  for (Offer& offer : offers)
    for (std::uint32_t& link : offer.constraints) {
      if (numbers[link] == unused) {
        numbers[link] = static_cast<std::uint32_t>(capacities.size());
        const bool others = link >= links_.size();
        const Room& room = rooms[others ? link - links_.size() : link];
        capacities.emplace_back(others ? spare_for_others(room) : spare(room));
      }
      link = numbers[link];
    }
  FlowProblem problem = *FlowProblem::make(capacities);
  const Held* last = nullptr;
  for (const Offer& offer : offers) {
    if (std::exchange(last, offer.held) != offer.held)
      AXS_ASSERT(problem.add_demand({.size = BytesPerSecond{offer.held->heard.bulk}}));
    AXS_ASSERT(problem.add_path(offer.constraints));
  }
  return problem;
}

/// A little more is not worth an order.
bool Superhighway::assign(Held& held) {
  const double all = total(held.next);
  std::erase_if(held.next, [&](const PathShare& share) {
    return share.rate.value() < std::max(least_part * all, least_rate);
  });
  if (held.next.empty() && held.trickle) held.next.push_back(*held.trickle);
  const bool kept = std::equal(held.next.begin(), held.next.end(), held.shares.begin(),
                               held.shares.end(), [](const PathShare& now, const PathShare& was) {
                                 return now.path == was.path && now.rate >= was.rate &&
                                        now.rate.value() <= (1 + tolerance) * was.rate.value();
                               });
  if (!kept) held.shares = held.next;
  held.next.clear();
  return !kept;
}

const std::vector<PathShare>& Superhighway::shares(const Pair& pair) const {
  static const std::vector<PathShare> none;
  const auto held = pairs_.find(pair);
  return held == pairs_.end() ? none : held->second.shares;
}

}  // namespace axs::net
