#include "axs/twin/fair_share.h"

#include <algorithm>
#include <utility>

#include "axs/core/assert.h"

namespace axs::twin {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Levels that differ by less are the same but for rounding.
constexpr double same = 1 + 1e-12;
constexpr std::uint32_t touches_until_recount = 1024;

}  // namespace

FairShare::FairShare(std::span<const BytesPerSecond> capacities) : links_(capacities.size()) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    AXS_ASSERT(capacities[i].value() >= 0 && capacities[i] < unlimited);
    links_[i].capacity = capacities[i].value();
  }
}

BundleId FairShare::add(const BundleConfig& config) {
  AXS_ASSERT(config.cap.value() >= 0 && config.weight > 0);
  begin_changes();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(bundles_.size()));
    bundles_.emplace_back();
    hops_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  bundles_[index] = {.weight = static_cast<double>(config.weight), .cap = config.cap.value()};
  attach(index, config.path);
  return BundleId{index};
}

void FairShare::remove(BundleId id) {
  begin_changes();
  detach(id.value);
  free_.push_back(id.value);
}

void FairShare::set_weight(BundleId id, std::uint64_t weight) {
  AXS_ASSERT(weight > 0);
  begin_changes();
  open(id.value);
  Bundle& bundle = bundles_[id.value];
  const double wanted = static_cast<double>(weight);
  for (const Hop& hop : hops_[id.value]) links_[hop.link].open_weight += wanted - bundle.weight;
  bundle.weight = wanted;
}

void FairShare::set_path(BundleId id, std::span<const LinkId> path) {
  begin_changes();
  detach(id.value);
  attach(id.value, path);
}

void FairShare::set_capacity(LinkId id, BytesPerSecond capacity) {
  AXS_ASSERT(capacity.value() >= 0 && capacity < unlimited);
  begin_changes();
  Link& link = links_[id.value];
  link.capacity = capacity.value();
  touch(id.value);
  if (link.used > link.capacity) open_members(id.value, 0);
}

/// The lists of what was touched stay readable from one settle() to the next change.
void FairShare::begin_changes() {
  if (!settled_) return;
  settled_ = false;
  opened_.clear();
  dirty_.clear();
  spread_links_ = 0;
  spread_bundles_ = 0;
}

void FairShare::attach(std::uint32_t bundle, std::span<const LinkId> path) {
  std::vector<Hop>& hops = hops_[bundle];
  for (const LinkId id : path) {
    std::vector<Member>& members = links_[id.value].members;
    const auto hop = static_cast<std::uint32_t>(hops.size());
    hops.push_back({id.value, static_cast<std::uint32_t>(members.size())});
    members.push_back({bundle, hop});
  }
  open(bundle);
}

void FairShare::detach(std::uint32_t bundle) {
  open(bundle);
  for (const Hop& hop : hops_[bundle]) {
    Link& link = links_[hop.link];
    link.open_weight -= bundles_[bundle].weight;
    --link.open_count;
    std::uint32_t gap = hop.position;
    if (gap < link.own) gap = move_member(link, --link.own, gap);
    move_member(link, static_cast<std::uint32_t>(link.members.size()) - 1, gap);
    link.members.pop_back();
  }
  hops_[bundle].clear();
  bundles_[bundle].state = State::old;
  bundles_[bundle].level = 0;
  --open_bundles_;
}

/// Returns `from`, where there is a gap now.
std::uint32_t FairShare::move_member(Link& link, std::uint32_t from, std::uint32_t to) {
  if (from == to) return from;
  const Member& moved = link.members[to] = link.members[from];
  hops_[moved.bundle][moved.hop].position = to;
  return from;
}

void FairShare::open(std::uint32_t index) {
  Bundle& bundle = bundles_[index];
  if (bundle.state == State::open) return;
  bundle.state = State::open;
  opened_.push_back(BundleId{index});
  ++open_bundles_;
  for (const Hop& hop : hops_[index]) {
    Link& link = links_[hop.link];
    link.used -= bundle.weight * bundle.level;
    link.open_weight += bundle.weight;
    ++link.open_count;
    if (link.waiting) continue;
    touch(hop.link);
    link.waiting = true;
    waiting_.push_back(hop.link);
  }
}

void FairShare::open_members(std::uint32_t link, double above) {
  for (const Member& member : links_[link].members) {
    const Bundle& bundle = bundles_[member.bundle];
    if (bundle.state == State::old && bundle.level > above) open(member.bundle);
  }
}

void FairShare::touch(std::uint32_t index) {
  Link& link = links_[index];
  if (link.dirty) return;
  link.dirty = true;
  dirty_.push_back(LinkId{index});
}

/// What a dirty link decided is open, and so are the links of that; and whatever stops an open
/// bundle is in the heap. A link may be there twice: what was opened can have lowered its level.
void FairShare::spread() {
  for (; spread_links_ < dirty_.size(); ++spread_links_) {
    Link& link = links_[dirty_[spread_links_].value];
    for (std::uint32_t i = 0; i < link.own; ++i) open(link.members[i].bundle);
    link.own = 0;
    if (++link.touches % touches_until_recount == 0) recount(link);
  }
  for (const std::uint32_t index : waiting_) {
    links_[index].waiting = false;
    if (links_[index].open_count > 0) push({stop_level(links_[index]), index});
  }
  waiting_.clear();
  const auto link_count = static_cast<std::uint32_t>(links_.size());
  for (; spread_bundles_ < opened_.size(); ++spread_bundles_) {
    const std::uint32_t bundle = opened_[spread_bundles_].value;
    const double cap = hops_[bundle].empty() ? 0 : bundles_[bundle].cap;
    if (cap < infinity) push({cap, link_count + bundle});
  }
}

bool FairShare::settle() {
  if (settled_) return false;
  settled_ = true;
  spread();
  const auto link_count = static_cast<std::uint32_t>(links_.size());
  while (open_bundles_ > 0) {
    const Stop stop = pop();
    if (stop.index < link_count)
      stop_at_link(stop.index);
    else if (bundles_[stop.index - link_count].state == State::open)
      close(stop.index - link_count, stop.level);
  }
  stops_.clear();
  for (const LinkId id : dirty_) links_[id.value].dirty = false;
  for (const BundleId id : opened_) bundles_[id.value].state = State::old;
  return true;
}

void FairShare::push(Stop stop) {
  stops_.push_back(stop);
  std::push_heap(stops_.begin(), stops_.end(), Later{});
}

FairShare::Stop FairShare::pop() {
  AXS_ASSERT(!stops_.empty());
  std::pop_heap(stops_.begin(), stops_.end(), Later{});
  const Stop stop = stops_.back();
  stops_.pop_back();
  return stop;
}

/// The level at which the link is full if only what is open now goes on rising. It never falls
/// while levels rise, so a stop in the heap comes too early rather than too late.
double FairShare::stop_level(const Link& link) const {
  const double left = std::max(0.0, link.capacity - link.used);
  return link.open_weight > 0 ? left / link.open_weight : infinity;
}

void FairShare::stop_at_link(std::uint32_t index) {
  Link& link = links_[index];
  if (link.open_count == 0) return;
  if (const double estimate = stop_level(link);
      !stops_.empty() && estimate > stops_.front().level) {
    push({estimate, index});
    return;
  }
  const double highest = recount(link);
  const double level = stop_level(link);
  // What got its level from an untouched link that saturates later must give way.
  if (highest > level * same) {
    open_members(index, level * same);
    spread();
    return;
  }
  for (std::uint32_t i = 0; link.open_count > 0; ++i) {
    if (bundles_[link.members[i].bundle].state != State::open) continue;
    close(link.members[i].bundle, level);
    make_own(link, i);
  }
}

/// Adds up what the members use; returns the highest level that is still the old one.
double FairShare::recount(Link& link) {
  double used = 0;
  double highest = 0;
  for (const Member& member : link.members) {
    const Bundle& bundle = bundles_[member.bundle];
    if (bundle.state == State::open) continue;
    used += bundle.weight * bundle.level;
    if (bundle.state == State::old) highest = std::max(highest, bundle.level);
  }
  link.used = used;
  return highest;
}

void FairShare::close(std::uint32_t index, double level) {
  Bundle& bundle = bundles_[index];
  bundle.state = State::closed;
  bundle.level = level;
  --open_bundles_;
  for (const Hop& hop : hops_[index]) {
    Link& link = links_[hop.link];
    link.used += bundle.weight * level;
    link.open_weight -= bundle.weight;
    --link.open_count;
  }
}

void FairShare::make_own(Link& link, std::uint32_t position) {
  const std::uint32_t first = link.own++;
  if (first == position) return;
  std::swap(link.members[first], link.members[position]);
  for (const std::uint32_t i : {first, position})
    hops_[link.members[i].bundle][link.members[i].hop].position = i;
}

}  // namespace axs::twin
