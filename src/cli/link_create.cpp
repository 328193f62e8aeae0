#include "axs/cli/link_create.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "axs/cli/flag.h"
#include "axs/cli/link_physics.h"
#include "axs/config/quantity.h"
#include "axs/core/enums.h"
#include "axs/host/file.h"
#include "axs/live/meeting_server.h"
#include "axs/live/netns.h"
#include "axs/live/port.h"

namespace axs::cli {
namespace {

using live::LinkSide;
using live::LinkSpec;

constexpr std::size_t invitation_size_max = 1 << 20;

/// Where somebody is: a port that can be sent to.
Result<live::Endpoint> endpoint_of(const std::string& flag, const std::string& text) {
  const auto endpoint = AXS_TRY(of_flag(flag, live::parse_endpoint(text)));
  if (endpoint.port > 0) return endpoint;
  return Error{Errc::invalid, flag + " " + text + ": port 0, want one from 1 on"};
}

/// "5201:127.0.0.1:5201".
Result<live::LinkForward> forward_of(const std::string& flag, const std::string& text) {
  const std::size_t colon = text.find(':');
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = colon != std::string::npos && read.ptr == text.data() + colon;
  if (read.ec != std::errc{} || !whole || port == 0)
    return Error{Errc::invalid,
                 fmt::format("{} {}: want PORT:HOST:PORT, like 8080:127.0.0.1:80", flag, text)};
  return live::LinkForward{port, AXS_TRY(endpoint_of(flag, text.substr(colon + 1)))};
}

/// Two values with a comma between them.
Result<std::pair<std::string, std::string>> pair_of(const std::string& flag,
                                                    const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos || text.find(',', comma + 1) != std::string::npos)
    return Error{Errc::invalid, fmt::format("{} {}: want one for each end, like A,B", flag, text)};
  return std::pair{text.substr(0, comma), text.substr(comma + 1)};
}

Result<net::TrafficClass> class_of(const std::string& text) {
  for (std::size_t i = 0; i < net::traffic_class_count; ++i)
    if (text == enum_name(static_cast<net::TrafficClass>(i)))
      return static_cast<net::TrafficClass>(i);
  return Error{Errc::invalid, "--class " + text + ": want control, gradient or bulk"};
}

/// The given address, or a port of this machine that will still be free after a restart.
Result<live::Endpoint> address_of(const std::string& flag, const std::string& text) {
  if (!text.empty()) return endpoint_of(flag, text);
  return live::Endpoint{.port = AXS_TRY(live::UdpPort::open_lasting(flag))->local_port()};
}

std::string usual_name(const std::string& from, const std::string& to) {
  std::string name = from + "-" + to;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  return name;
}

void print_created(const LinkSpec& spec, bool json) {
  const bool hopeless = spec.promise && net::beyond_known_ways(spec.offer, *spec.promise);
  if (json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"name", spec.name},
                                              {"light_ms", spec.offer.light.seconds() * 1e3},
                                              {"fibre_ms", spec.offer.fibre.seconds() * 1e3},
                                              {"stretch", spec.promise ? spec.promise->stretch : 0},
                                              {"beyond_known_ways", hopeless}}
                           .dump());
    return;
  }
  fmt::print("{}: {} to {}, {}, {}\n", spec.name, spec.end(LinkSide::from).site,
             spec.end(LinkSide::to).site, rate_text(spec), enum_name(spec.traffic));
  fmt::print("promised: {}\n", promise_text(spec));
  fmt::print("{}\n", net::offer_text(spec.offer));
  if (hopeless) fmt::print("no way known here is as quick as promised: expect breaches\n");
  for (const auto& forward : spec.tcp)
    fmt::print("tcp 127.0.0.1:{} -> {}\n", forward.port, live::text_of(forward.target));
  for (const auto& forward : spec.udp)
    fmt::print("udp 127.0.0.1:{} -> {}\n", forward.port, live::text_of(forward.target));
}

}  // namespace

void LinkCreateCommand::declare(CLI::App& app) {
  app.add_option("from", from_, "The site where programs connect")->required();
  app.add_option("to", to_, "The other site")->required();
  app.add_option("--name", name_, "Of the link; by default FROM-TO");
  CLI::Option* rtt = app.add_option("--rtt", rtt_, "Promise this round trip, like 90ms");
  app.add_option("--stretch", stretch_, "Promise so many times the round trip of light")
      ->excludes(rtt);
  app.add_option("--percentile", percentile_, "For so many of a hundred probes")
      ->capture_default_str();
  app.add_option("--rate", rate_, "At most so much each way, like 1Gb/s; by default unlimited");
  app.add_option("--class", class_, "control, gradient or bulk")->capture_default_str();
  app.add_option("--tcp", tcp_,
                 "PORT:HOST:PORT: who connects to PORT here reaches HOST:PORT there");
  app.add_option("--udp", udp_, "The same for datagrams");
  app.add_option("--tun", tun_,
                 "Addresses of a TUN interface at each end, like 10.9.0.1,10.9.0.2 "
                 "(root)");
  declare_places(app);
  flags_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs link create sfo fra --rtt 160ms --rate 1Gb/s --tcp 8080:127.0.0.1:80\n"
      "  axs link create sfo tyo --stretch 2 --percentile 95 --class bulk --udp 5300:127.0.0.1:53\n"
      "  axs link create lon nyc --tun 10.9.0.1,10.9.0.2 --netns east,west\n"
      "  axs link create lon nyc --from-at 198.51.100.7:7000 --invite nyc.link --tcp "
      "8080:127.0.0.1:80\n"
      "  axs link create lon nyc --meet 203.0.113.1:443 --invite nyc.link --tcp "
      "8080:127.0.0.1:80");
}

void LinkCreateCommand::declare_places(CLI::App& app) {
  app.add_option("--netns", namespaces_, "Network namespaces for the TUN interfaces, like A,B");
  app.add_option("--from-at", from_at_, "HOST:PORT where the first end receives; by default any");
  app.add_option("--to-at", to_at_, "The same for the second end");
  CLI::Option* from_via = app.add_option(
      "--from-via", from_via_,
      "HOST:PORT that the first end sends to instead of the second: an emulator, say");
  CLI::Option* to_via = app.add_option("--to-via", to_via_, "The same for the second end");
  app.add_option("--meet", meeting_,
                 "HOST:PORT of an axs link meet, for ends behind address translation or where "
                 "UDP is blocked")
      ->excludes(from_via)
      ->excludes(to_via);
  app.add_option("--invite", invitation_,
                 "Run the first end only, and write for another machine to this file what makes it "
                 "the second (keep it secret)");
}

Result<> LinkCreateCommand::add_promise(LinkSpec& spec) const {
  net::PromiseWish wish{.round_trip = {}, .stretch = stretch_, .percentile = percentile_};
  if (!rtt_.empty()) wish.round_trip = AXS_TRY(of_flag("--rtt", config::parse_duration(rtt_)));
  spec.offer = latency_offer(AXS_TRY(link_place(from_)), AXS_TRY(link_place(to_)));
  spec.promise = AXS_TRY(net::promise_of("link " + spec.name, spec.offer, wish));
  return Ok{};
}

Result<> LinkCreateCommand::add_ports(LinkSpec& spec) const {
  for (const auto& text : tcp_) spec.tcp.push_back(AXS_TRY(forward_of("--tcp", text)));
  for (const auto& text : udp_) spec.udp.push_back(AXS_TRY(forward_of("--udp", text)));
  if (spec.tcp.empty() && spec.udp.empty() && tun_.empty())
    return Error{Errc::invalid, "link " + spec.name +
                                    ": nothing would use it, want --tcp, --udp "
                                    "or --tun"};
  return Ok{};
}

/// Both ends may be anywhere from where the meeting point is reached.
Result<> LinkCreateCommand::add_meeting(LinkSpec& spec) const {
  spec.meeting = AXS_TRY(of_flag("--meet", live::parse_endpoint(meeting_)));
  const auto anywhere = live::unbound(live::family_of(*spec.meeting));
  for (const auto& [side, at] : {std::pair{LinkSide::from, from_at_}, {LinkSide::to, to_at_}}) {
    spec.end(side).at = at.empty() ? anywhere : AXS_TRY(of_flag("--at", live::parse_endpoint(at)));
    spec.end(side).peer = *spec.meeting;
  }
  return Ok{};
}

Result<> LinkCreateCommand::add_addresses(LinkSpec& spec) const {
  if (!meeting_.empty()) return add_meeting(spec);
  auto& from = spec.end(LinkSide::from);
  auto& to = spec.end(LinkSide::to);
  from.at = AXS_TRY(address_of("--from-at", from_at_));
  const bool alone = !invitation_.empty();
  if (!alone || !to_at_.empty()) to.at = AXS_TRY(address_of("--to-at", to_at_));
  if (alone && from_at_.empty())
    return Error{Errc::invalid, "--invite: want --from-at, where the other machine is to send"};
  // Any port of any address: the first end answers to wherever the second sends from.
  if (alone && to_at_.empty()) to.at = {.address = net::IpAddress::v4(0), .port = 0};
  from.peer = from_via_.empty() ? (to.at.port == 0 ? live::Endpoint{.port = 0} : to.at)
                                : AXS_TRY(endpoint_of("--from-via", from_via_));
  to.peer = to_via_.empty() ? from.at : AXS_TRY(endpoint_of("--to-via", to_via_));
  return Ok{};
}

Result<> LinkCreateCommand::add_tun(LinkSpec& spec) const {
  if (tun_.empty()) return Ok{};
  if (geteuid() != 0)
    return Error{Errc::invalid, "--tun: a TUN interface needs root, want that, or --tcp and --udp"};
  const auto [first, second] = AXS_TRY(pair_of("--tun", tun_));
  for (const auto& address : {first, second}) AXS_TRY(of_flag("--tun", live::parse_ipv4(address)));
  spec.end(LinkSide::from).tun_address = first;
  spec.end(LinkSide::to).tun_address = second;
  if (namespaces_.empty()) return Ok{};
  const auto [near, far] = AXS_TRY(pair_of("--netns", namespaces_));
  spec.end(LinkSide::from).tun_namespace = near;
  spec.end(LinkSide::to).tun_namespace = far;
  return Ok{};
}

Result<LinkSpec> LinkCreateCommand::spec() const {
  LinkSpec spec{.name = name_.empty() ? usual_name(from_, to_) : name_, .ends = {}};
  AXS_TRY(live::check_name("link", spec.name));
  spec.end(LinkSide::from).site = from_;
  spec.end(LinkSide::to).site = to_;
  AXS_TRY(add_promise(spec));
  spec.traffic = AXS_TRY(class_of(class_));
  if (!rate_.empty()) spec.rate = AXS_TRY(of_flag("--rate", config::parse_rate(rate_)));
  AXS_TRY(add_ports(spec));
  AXS_TRY(add_tun(spec));
  AXS_TRY(add_addresses(spec));
  spec.local = {LinkSide::from};
  if (invitation_.empty()) spec.local.push_back(LinkSide::to);
  AXS_TRY(live::check_link(spec));
  return spec;
}

Result<> LinkCreateCommand::write_invitation(const live::LinkFolder& folder,
                                             const LinkSpec& spec) const {
  if (invitation_.empty()) return Ok{};
  const auto invitation = AXS_TRY(live::invite(folder, spec));
  return host::write_file_atomically(invitation_, to_wire(invitation),
                                     host::FileAccess::owner_only);
}

/// A link that cannot be started leaves nothing behind; one whose ends do not find each other yet
/// stays.
Result<ExitCode> LinkCreateCommand::run() {
  const LinkSpec link = AXS_TRY(spec());
  const live::LinkFolder folder = flags_.of(link.name);
  AXS_TRY(live::create_link(folder, link));
  auto started = write_invitation(folder, link);
  if (started) started = start_link(folder, link);
  if (!started && started.error().code != Errc::timeout) {
    AXS_TRY(remove_link(folder, link));
    return std::move(started).error();
  }
  print_created(link, flags_.json);
  if (!started) return std::move(started).error();
  return ExitCode::done;
}

void LinkMeetCommand::declare(CLI::App& app) {
  app.add_option("--at", at_, "HOST:PORT to serve at, over UDP and TCP")->required();
  app.footer(
      "It passes on what it cannot read, and only until the ends reach each other directly.\n"
      "Port 443 passes most firewalls.\n\n"
      "Examples:\n"
      "  axs link meet --at 0.0.0.0:443\n"
      "  axs link meet --at [::]:7000");
}

Result<ExitCode> LinkMeetCommand::run() {
  const auto at = AXS_TRY(of_flag("--at", live::parse_endpoint(at_)));
  AXS_TRY(live::run_meeting_server({at, at}, [](const live::MeetingServer& server) {
    fmt::print("links meet at {}, over UDP and TCP; Ctrl-C ends\n",
               live::text_of(server.datagrams()));
    std::fflush(stdout);
  }));
  return ExitCode::done;
}

void LinkJoinCommand::declare(CLI::App& app) {
  app.add_option("file", file_, "What axs link create --invite has written")->required();
  app.add_option("--at", at_, "HOST:PORT where this end receives; by default as invited");
  flags_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs link join nyc.link\n"
      "  axs link join nyc.link --at 203.0.113.5:7000");
}

Result<ExitCode> LinkJoinCommand::run() {
  const auto bytes = AXS_TRY(host::read_file(file_, invitation_size_max));
  auto invitation = from_wire<live::LinkInvitation>(bytes, file_);
  if (!invitation)
    return Error{Errc::invalid,
                 file_ + ": no invitation, want what axs link create --invite wrote"};
  std::optional<live::Endpoint> at;
  if (!at_.empty()) at = AXS_TRY(endpoint_of("--at", at_));
  const live::LinkFolder folder = flags_.of(invitation->spec.name);
  const LinkSpec link =
      AXS_TRY(of_flag(file_, live::join_link(folder, *std::move(invitation), at)));
  auto started = start_link(folder, link);
  if (!started) {
    AXS_TRY(remove_link(folder, link));
    return std::move(started).error();
  }
  print_created(link, flags_.json);
  return ExitCode::done;
}

}  // namespace axs::cli
