#include "axs/twin/promises.h"

#include <algorithm>

namespace axs::twin {

namespace {

constexpr std::size_t complaints_max = 50;

std::string told(SiteId from, SiteId to) {
  return std::to_string(from.value) + ">" + std::to_string(to.value);
}

std::string told(SiteId from, SiteId to, const net::TrafficClass traffic, std::uint64_t id) {
  return told(from, to) + " " + std::string{enum_name(traffic)} + " message " + std::to_string(id);
}

/// Whether packets cross it now: no link is cut and the relay is alive.
bool lives(const Twin& world, SiteId from, const net::CandidatePath& path) {
  SiteId at = from;
  for (const LinkId id : path.span()) {
    if (world.is_cut(id) || world.agent(at) == nullptr) return false;
    const net::UnderlayLink& link = world.topology().links()[id.value];
    at = link.a == at ? link.b : link.a;
  }
  return true;
}

/// Hellos on a path that is in use come every 20 ms, on others every 200: where no other path is in
/// use, what proves that the peer lives comes so much more rarely, and with it the verdict.
constexpr int idle_factor = 10;
/// Hellos that a burst of loss takes, the step of looking, and the way of the last packets.
constexpr Duration slack = milliseconds(300);

}  // namespace

void Promises::complain(const std::string& what) {
  if (complaints_.size() < complaints_max)
    complaints_.push_back(std::to_string((now_ - Instant{}).seconds()) + " s: " + what);
}

void Promises::started(SiteId site) {
  for (auto& [pair, books] : books_) {
    if (pair.first == site) books.waiting.clear(), books.ever_delivered.clear();
    if (pair.second == site) books.delivered.clear();
  }
}

void Promises::died(SiteId site) {
  for (auto& [pair, books] : books_)
    if (pair.first == site) books.waiting.clear();
}

void Promises::decided(SiteId site, const fabric::Site::Action& action) {
  std::visit([&](const auto& held) { on(site, held); }, action);
}

void Promises::on(SiteId site, const fabric::Site::HoldMessage& action) {
  Books& books = books_[{site, action.to}];
  const Key key{action.traffic, action.id};
  if (!books.waiting.emplace(key, now_).second)
    complain(told(site, action.to, action.traffic, action.id) + " said twice");
  books.said.insert(key);
}

void Promises::on(SiteId site, const fabric::Site::ReadMessage& action) {
  Books& books = books_[{action.from, site}];
  const Key key{action.deliver.traffic, action.deliver.message};
  const std::string what = told(action.from, site, key.first, key.second);
  if (!books.said.contains(key)) complain(what + " delivered and never said");
  if (!books.delivered.insert(key).second) complain(what + " delivered twice");
  books.ever_delivered.insert(key);
  ++delivered_count_;
}

void Promises::on(SiteId site, const fabric::Site::ReleaseMessage& action) {
  Books& books = books_[{site, action.to}];
  const Key key{action.traffic, action.id};
  const std::string what = told(site, action.to, key.first, key.second);
  if (books.waiting.erase(key) != 1) complain(what + " acknowledged and not waiting");
  if (!books.ever_delivered.contains(key)) complain(what + " acknowledged and never delivered");
}

/// The agent has met a new incarnation of its peer.
void Promises::on(SiteId site, const fabric::Site::DropBytes& action) {
  if (!action.message) books_[{action.from, site}].delivered.clear();
}

void Promises::on_wire(SiteId site, LinkId link, ByteView packet) {
  ++packets_;
  const std::string_view text{reinterpret_cast<const char*>(packet.data()), packet.size()};
  if (text.find(Twin::payload_text.substr(0, 16)) != text.npos)
    complain("plaintext left site " + std::to_string(site.value) + " over link " +
             std::to_string(link.value));
}

void Promises::arrived(SiteId from, SiteId to, SiteId at, std::uint32_t links) {
  if (at == from) complain("a packet " + told(from, to) + " came back");
  if (links > net::CandidatePath::max_hops || (links == net::CandidatePath::max_hops && at != to))
    complain("a packet " + told(from, to) + " is still on its way after " + std::to_string(links) +
             " links, at site " + std::to_string(at.value));
}

void Promises::look(const Twin& world, Instant now) {
  now_ = now;
  for (const SiteId from : world.topology().sites())
    for (const SiteId to : world.topology().sites())
      if (from != to) look_at(world, {from, to});
}

void Promises::look_at(const Twin& world, Pair pair) {
  const auto& [from, to] = pair;
  const fabric::Site* agent = world.agent(from);
  const bool connected = agent != nullptr && world.agent(to) != nullptr &&
                         world.has_keys(from, to) && world.has_keys(to, from);
  for (std::size_t traffic = 0; traffic < net::traffic_class_count; ++traffic) {
    const std::tuple where{from, to, traffic};
    if (!connected || !agent->monitor(to).routes()[traffic])
      holes_.erase(where);
    else
      look_at(world, where, agent->monitor(to));
  }
}

void Promises::look_at(const Twin& world, const Where& where, const net::PathMonitor& monitor) {
  const auto& [from, to, traffic] = where;
  const net::ClassRoute& route = *monitor.routes()[traffic];
  const auto& paths = world.topology().paths(from, to);
  std::uint32_t others = 0;
  for (const net::CandidatePath& path : paths)
    if (path.id != route.primary && monitor.up(path.id) && lives(world, from, path))
      others |= 1u << path.id.value;
  const net::CandidatePath& primary = paths[route.primary.value];
  if (others == 0 || lives(world, from, primary)) {
    holes_.erase(where);
    return;
  }
  Hole& hole = holes_.try_emplace(where, Hole{route.primary, now_, others}).first->second;
  hole.others &= others;
  if (hole.path != route.primary || hole.others == 0) hole = {route.primary, now_, others};
  const bool backed = route.backup && (hole.others >> route.backup->value & 1) != 0;
  const Duration allowed =
      monitor.silence_limit(primary.id) * (backed ? 2 : idle_factor) + primary.nominal * 2 + slack;
  const Duration lasted = now_ - hole.since;
  worst_black_hole_ = std::max(worst_black_hole_, lasted.seconds() / allowed.seconds());
  if (lasted <= allowed) return;
  complain(told(from, to) + " " + std::string{enum_name(static_cast<net::TrafficClass>(traffic))} +
           " traffic on dead path " + std::to_string(primary.id.value) + " for " +
           std::to_string(lasted.seconds()) + " s");
  holes_.erase(where);
}

bool Promises::converged(const Twin& world) {
  const auto knows_all_paths = [&world](SiteId from, SiteId to) {
    if (world.agent(from) == nullptr || !world.has_keys(from, to)) return false;
    const net::PathMonitor& monitor = world.agent(from)->monitor(to);
    return std::ranges::all_of(world.topology().paths(from, to),
                               [&](const auto& path) { return monitor.up(path.id); }) &&
           std::ranges::all_of(monitor.routes(),
                               [](const auto& route) { return route.has_value(); });
  };
  for (const SiteId from : world.topology().sites())
    for (const SiteId to : world.topology().sites())
      if (from != to && !knows_all_paths(from, to)) return false;
  return true;
}

void Promises::settle(Instant calm) {
  for (const auto& [pair, books] : books_)
    for (const auto& [key, since] : books.waiting)
      if (since < calm)
        complain(told(pair.first, pair.second, key.first, key.second) + " lost, said at " +
                 std::to_string((since - Instant{}).seconds()) + " s");
}

}  // namespace axs::twin
