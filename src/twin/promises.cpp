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

/// Hellos and answers leave on ticks.
constexpr Duration tick = milliseconds(1);
/// So much after a round trip a hello without an answer counts as lost: net/path_monitor.
constexpr Duration judged_after = seconds(1);

bool carries_data(const net::Packet& packet) {
  return std::ranges::any_of(packet.frames, [](const net::Frame& frame) {
    return std::holds_alternative<net::DataFrame>(frame);
  });
}

}  // namespace

void Promises::complain(const std::string& what) {
  if (complaints_.size() >= complaints_max) return;
  complaints_.push_back(std::to_string((now() - Instant{}).seconds()) + " s: " + what);
}

void Promises::started(SiteId site) {
  for (auto& [pair, books] : books_) {
    if (pair.first == site) books.waiting.clear(), books.ever_delivered.clear();
    if (pair.second == site) books.delivered.clear();
  }
  survey();
}

void Promises::died(SiteId site) {
  for (auto& [pair, books] : books_)
    if (pair.first == site) books.waiting.clear();
  dead_paths_.forget(site);
  survey();
}

void Promises::cut_or_healed(LinkId) {
  survey();
}

void Promises::decided(SiteId site, const fabric::Site::Action& action) {
  std::visit([&](const auto& held) { on(site, held); }, action);
}

void Promises::on(SiteId site, const fabric::Site::HoldMessage& action) {
  Books& books = books_[{site, action.to}];
  const Key key{action.traffic, action.id};
  if (!books.waiting.emplace(key, now()).second)
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

/// Every authentic packet is a sign of life.
void Promises::learns(SiteId site, const fabric::Site::Event& event) {
  if (world_ == nullptr) return;
  dead_paths_.review(now(), site, [this](const Way& way) { return allowance(way); });
  if (const auto* packet = std::get_if<fabric::Site::PeerPacket>(&event))
    hears({site, packet->from, packet->packet.path});
  if (const auto* hello = std::get_if<fabric::Site::PeerHello>(&event))
    hears({site, hello->from, hello->hello.hello.path});
  if (const auto* reply = std::get_if<fabric::Site::PeerHelloReply>(&event))
    hears({site, reply->from, reply->reply.reply.path});
}

void Promises::hears(const Way& way) {
  const net::PathMonitor& monitor = world_->agent(way.from)->monitor(way.to);
  const auto& route = monitor.routes()[static_cast<std::size_t>(net::TrafficClass::gradient)];
  if (route) dead_paths_.heard(now(), way, 2 * monitor.hello_interval(route->primary));
}

/// Which paths live has changed, and no agent has noticed yet.
void Promises::survey() {
  if (world_ == nullptr) return;
  for (const SiteId from : world_->topology().sites())
    for (const SiteId to : world_->topology().sites()) {
      if (from == to || world_->agent(from) == nullptr) continue;
      const net::ClassRoutes& routes = world_->agent(from)->monitor(to).routes();
      for (const net::CandidatePath& path : world_->topology().paths(from, to)) {
        const Way way{from, to, path.id};
        const bool in_use = std::ranges::any_of(
            routes, [&](const auto& route) { return route && route->primary == path.id; });
        if (world_->crosses(from, path))
          dead_paths_.revived(way);
        else
          dead_paths_.died(way, judged(way), in_use ? std::optional{allowance(way)} : std::nullopt);
      }
    }
}

const net::CandidatePath& Promises::path_of(const Way& way) const {
  return world_->topology().paths(way.from, way.to)[way.path.value];
}

/// From the last packet that the path took, which is heard of one propagation later.
Duration Promises::allowance(const Way& way) const {
  return world_->agent(way.from)->monitor(way.to).silence_limit(way.path) + path_of(way).nominal +
         tick;
}

/// When what became of all hellos that have left on the way up to now will be known.
Instant Promises::judged(const Way& way) const {
  const net::PathMonitor& monitor = world_->agent(way.from)->monitor(way.to);
  return now() + judged_after + 2 * path_of(way).nominal + monitor.estimator(way.path).range() +
         monitor.hello_interval(way.path);
}

void Promises::on(SiteId site, const fabric::Site::TransmitPacket& action) {
  if (world_ == nullptr || !carries_data(action.transmit.packet)) return;
  const Way way{site, action.to, action.transmit.packet.path};
  // Who takes it into use awaits the first answer at its new pace.
  const Duration round_trip = 2 * path_of(way).nominal;
  if (const auto use = dead_paths_.used(way, allowance(way) + round_trip)) judge(way, *use);
}

void Promises::judge(const Way& way, const DeadPaths::Use& use) {
  worst_black_hole_ = std::max(worst_black_hole_, use.lasted.seconds() / use.allowed.seconds());
  if (use.lasted > use.allowed)
    complain(told(way.from, way.to) + " data on path " + std::to_string(way.path.value) +
             ", dead for " + std::to_string(use.lasted.seconds()) + " s in which the peer was " +
             "heard, want at most " + std::to_string(use.allowed.seconds()) + " s");
}

void Promises::settle(Instant calm) {
  for (const auto& [pair, books] : books_)
    for (const auto& [key, since] : books.waiting)
      if (since < calm)
        complain(told(pair.first, pair.second, key.first, key.second) + " lost, said at " +
                 std::to_string((since - Instant{}).seconds()) + " s");
}

}  // namespace axs::twin
