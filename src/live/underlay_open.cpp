#include <algorithm>
#include <numeric>
#include <type_traits>

#include "axs/live/underlay_engine.h"

namespace axs::live {

namespace {

/// What a direction can have in flight: its queue, what the wire holds, and some slack for a later
/// change of parameters; each packet with a header, so small packets need up to twice their size.
std::size_t wanted_bytes(const UnderlayDirection& direction) {
  const net::PipeConfig& pipe = direction.pipe;
  Duration longest = pipe.delay;
  for (const auto& sample : direction.forecast) longest = std::max(longest, sample.one_way);
  for (const Duration delay : pipe.delays.one_way) longest = std::max(longest, delay);
  longest += pipe.jitter.max + pipe.handover.extra_delay + milliseconds(50);
  double rate = pipe.rate.value();
  const auto& capacity = pipe.capacity.bytes_per_second;
  if (!capacity.empty()) rate = static_cast<double>(*std::ranges::max_element(capacity));
  const double wire = rate * longest.seconds();
  const double bytes = 1.25 * (wire + static_cast<double>(pipe.queue_bytes)) + 1048576.0;
  return static_cast<std::size_t>(std::min(bytes, 1e12));
}

/// Max-min fair: who wants less than an equal share gets all of it, and the others divide the rest.
std::vector<std::size_t> share_out(std::size_t bytes, const std::vector<std::size_t>& wanted) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return wanted[a] < wanted[b]; });
  std::vector<std::size_t> shares(wanted.size());
  std::size_t left = wanted.size();
  for (const std::size_t i : order) {
    shares[i] = std::min(wanted[i], bytes / left--);
    bytes -= shares[i];
  }
  return shares;
}

Result<> check_link(const UnderlayLink& link) {
  AXS_TRY(net::validate(link.forth.pipe, "link " + link.name));
  AXS_TRY(net::validate(link.back.pipe, "link " + link.name));
  AXS_TRY(net::validate(link.forth.forecast, "link " + link.name));
  AXS_TRY(net::validate(link.back.forecast, "link " + link.name));
  if (link.a == link.b)
    return Error{Errc::invalid, "link " + link.name + ": both ends at site " +
                                    std::to_string(link.a.value) + ", want two sites"};
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<Underlay::Engine>> Underlay::Engine::open(UnderlayConfig config) {
  for (const UnderlayLink& link : config.links) AXS_TRY(check_link(link));
  std::unique_ptr<Engine> engine{new Engine{std::move(config)}};
  AXS_TRY(engine->check_script());
  engine->make_directions();
  AXS_TRY(engine->open_ports());
  AXS_TRY(engine->open_waiting());
  return engine;
}

Result<> Underlay::Engine::check_script() const {
  Instant previous{INT64_MIN};
  for (const TimedCommand& entry : config_.script) {
    if (entry.at < previous)
      return Error{Errc::invalid, "underlay script: entry at " + std::to_string(entry.at.ns) +
                                      " ns, want entries in order of time"};
    AXS_TRY(check(entry.command));
    previous = entry.at;
  }
  return Ok{};
}

void Underlay::Engine::make_directions() {
  std::vector<std::size_t> wanted;
  for (const UnderlayLink& link : config_.links) {
    wanted.push_back(wanted_bytes(link.forth));
    wanted.push_back(wanted_bytes(link.back));
  }
  const std::vector<std::size_t> bytes = share_out(config_.memory_bytes, wanted);
  directions_.reserve(bytes.size());
  const Rng rng{config_.seed};
  const auto add = [&](const UnderlayDirection& direction, Route route) {
    const std::size_t i = directions_.size();
    const Rng own = rng.fork(i);
    net::Pipe pipe{direction.pipe, own.fork(0)};
    pipe.set_forecast(direction.forecast);
    directions_.emplace_back(std::move(route), std::move(pipe), PacketStore{bytes[i]}, own.fork(1));
  };
  for (const UnderlayLink& link : config_.links) {
    add(link.forth, {link.name, link.a, link.b});
    add(link.back, {link.name, link.b, link.a});
  }
}

Result<> Underlay::Engine::open_ports() {
  return config_.tun_sites.empty() ? open_sockets() : open_tuns();
}

Result<> Underlay::Engine::open_sockets() {
  for (std::size_t i = 0; i < config_.links.size(); ++i) {
    const UnderlayLink& link = config_.links[i];
    auto a = AXS_TRY(UdpPort::open(link.a_end, "link " + link.name));
    auto b = AXS_TRY(UdpPort::open(link.b_end, "link " + link.name));
    directions_[2 * i].connect(*a, *b);
    directions_[2 * i + 1].connect(*b, *a);
    ingresses_.push_back({a.get(), {{0, 2 * i}}});
    ingresses_.push_back({b.get(), {{0, 2 * i + 1}}});
    udp_ports_.push_back(a->local_port());
    udp_ports_.push_back(b->local_port());
    ports_.push_back(std::move(a));
    ports_.push_back(std::move(b));
  }
  return Ok{};
}

Result<> Underlay::Engine::open_tuns() {
  for (const TunSite& site : config_.tun_sites) {
    namespaces_.push_back(AXS_TRY(NetNamespace::create(site.netns)));
    std::vector<std::string> addresses{site.address};
    for (const UnderlayLink& link : config_.links) {
      if (link.a == site.site && !link.a_address.empty()) addresses.push_back(link.a_address);
      if (link.b == site.site && !link.b_address.empty()) addresses.push_back(link.b_address);
    }
    host::Fd tun = AXS_TRY(open_tun(namespaces_.back(), {.addresses = std::move(addresses)}));
    ports_.push_back(std::make_unique<TunPort>(std::move(tun)));
    ingresses_.push_back({ports_.back().get(), {}});
  }
  const auto& sites = config_.tun_sites;
  for (std::size_t i = 0; i < directions_.size(); ++i) {
    const Route& route = directions_[i].route();
    const auto index_of = [&](SiteId id) {
      return static_cast<std::size_t>(
          std::find_if(sites.begin(), sites.end(), [&](auto& s) { return s.site == id; }) -
          sites.begin());
    };
    const std::size_t from = index_of(route.from), to = index_of(route.to);
    if (from == sites.size() || to == sites.size())
      return Error{Errc::invalid, "link " + route.link + ": joins a site without a TUN device"};
    directions_[i].connect(*ports_[from], *ports_[to]);
    const UnderlayLink& link = config_.links[i / 2];
    const std::string& alone = i % 2 == 0 ? link.b_address : link.a_address;
    for (const std::string& address : {sites[to].address, alone})
      if (!address.empty()) ingresses_[from].routes.push_back({AXS_TRY(parse_ipv4(address)), i});
  }
  return Ok{};
}

std::uint16_t Underlay::Engine::port(LinkId link, SiteId site) const {
  std::size_t i = 0;
  while (i < udp_ports_.size() &&
         (config_.links[i / 2].id != link || directions_[i].route().from != site))
    ++i;
  AXS_ASSERT(i < udp_ports_.size());
  return udp_ports_[i];
}

Result<> Underlay::Engine::check(const UnderlayCommand& command) const {
  return std::visit(
      [this](const auto& order) -> Result<> {
        const auto fits = [&](const UnderlayLink& link) {
          return link.id == order.link &&
                 (!order.from || *order.from == link.a || *order.from == link.b);
        };
        const std::string what = "link " + std::to_string(order.link.value);
        if (std::none_of(config_.links.begin(), config_.links.end(), fits))
          return Error{Errc::not_found, what + ": the emulator has no such link or end"};
        using Order = std::decay_t<decltype(order)>;
        if constexpr (std::is_same_v<Order, SetPipe>) AXS_TRY(net::validate(order.pipe, what));
        if constexpr (std::is_same_v<Order, SetForecast>)
          AXS_TRY(net::validate(order.forecast, what));
        return Ok{};
      },
      command);
}

}  // namespace axs::live
