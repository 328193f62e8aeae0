#include "axs/live/link_spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/core/enums.h"
#include "axs/host/file.h"
#include "axs/live/netns.h"

namespace axs::live {

namespace {

constexpr std::size_t spec_size_max = 1 << 20;
/// What counters and clocks can bear; far beyond what links do.
constexpr double rate_min = 1, rate_max = 1.25e14;
constexpr Duration latency_max = seconds(1'000);

/// An error if a value is not as it must be. `seen` ends with what is wanted.
Result<> require(bool good, const LinkSpec& spec, const std::string& seen) {
  if (good) return Ok{};
  return Error{Errc::invalid, "link " + spec.name + ": " + seen};
}

Result<> check_rate(const LinkSpec& spec) {
  if (!spec.rate) return Ok{};
  const double rate = spec.rate->value();
  return require(rate >= rate_min && rate <= rate_max, spec,
                 fmt::format("a rate of {:g} bit/s, want from {:g} to {:g}", rate * 8, rate_min * 8,
                             rate_max * 8));
}

Result<> check_latency(const LinkSpec& spec) {
  const net::LatencyOffer& offer = spec.offer;
  for (const Duration latency : {offer.light, offer.fibre, offer.leo.value_or(Duration{})})
    AXS_TRY(require(latency >= Duration{} && latency <= latency_max, spec,
                    fmt::format("a latency of {:g} s to be had, want from 0 to {:g} s",
                                latency.seconds(), latency_max.seconds())));
  if (!spec.promise) return Ok{};
  const net::LinkPromise& promise = *spec.promise;
  AXS_TRY(net::promise_of(
      "link " + spec.name, offer,
      {.round_trip = promise.round_trip, .stretch = {}, .percentile = promise.percentile}));
  return require(promise.stretch >= 1 && promise.stretch <= 1'000, spec,
                 fmt::format("a stretch of {:g}, want from 1 to 1000", promise.stretch));
}

Result<> check_forwards(const LinkSpec& spec) {
  for (const auto* forwards : {&spec.tcp, &spec.udp})
    for (const LinkForward& forward : *forwards)
      AXS_TRY(require(forward.port > 0 && forward.target.port > 0, spec,
                      "a port 0 to be forwarded, want ports from 1 on"));
  return Ok{};
}

bool can_be_shown(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

Result<> check_end(const LinkSpec& spec, LinkSide side) {
  const LinkEndSpec& end = spec.end(side);
  AXS_TRY(require(can_be_shown(end.site), spec,
                  fmt::format("the site of its {} end cannot be shown, want 1 to 64 letters, "
                              "digits or signs",
                              enum_name(side))));
  AXS_TRY(require(end.tun_namespace.find('/') == std::string::npos, spec,
                  "a network namespace with a / in its name, want none"));
  AXS_TRY(require(end.tun_address.empty() == spec.end(other(side)).tun_address.empty(), spec,
                  "a TUN address at one end, want one at both or none"));
  if (end.tun_address.empty()) return Ok{};
  const auto address = parse_ipv4(end.tun_address);
  if (!address) return Error{Errc::invalid, "link " + spec.name + ": " + address.error().what};
  return require(end.tun_address != spec.end(other(side)).tun_address, spec,
                 "the same TUN address at both ends, want two");
}

}  // namespace

Result<> check_link(const LinkSpec& spec) {
  AXS_TRY(check_name("link", spec.name));
  AXS_TRY(check_rate(spec));
  AXS_TRY(check_latency(spec));
  AXS_TRY(check_forwards(spec));
  for (const LinkSide side : link_sides) AXS_TRY(check_end(spec, side));
  const bool one_machine = spec.local == std::vector{LinkSide::from, LinkSide::to};
  return require(spec.local.size() == 1 || one_machine, spec,
                 "its local ends are not one of both, or both, in their order");
}

Result<> check_invitation(const LinkInvitation& invitation) {
  const LinkSpec& spec = invitation.spec;
  AXS_TRY(check_link(spec));
  AXS_TRY(require(spec.local == std::vector{LinkSide::to}, spec,
                  "not an invitation to be its second end, want that"));
  AXS_TRY(require(spec.end(LinkSide::to).peer.port > 0, spec,
                  "where its first end is is not said, want an address and a port"));
  const Credentials& own = invitation.credentials;
  const auto identity = AXS_TRY(certificate_identity(own.certificate));
  const bool whole = AXS_TRY(belongs_together(own.key, own.certificate));
  const bool named = identity == Identity{spec.name, std::string{enum_name(LinkSide::to)}};
  return require(whole && named, spec, "a certificate that is not its second end's, want that one");
}

Result<LinkSpec> load_link(const LinkFolder& folder) {
  const ByteVector bytes = AXS_TRY(host::read_file(folder.spec(), spec_size_max));
  auto spec = AXS_TRY(from_wire<LinkSpec>(bytes, folder.spec()));
  if (spec.version != LinkSpec::current_version)
    return Error{Errc::invalid, folder.spec() + ": version " + std::to_string(spec.version) +
                                    ", want " + std::to_string(LinkSpec::current_version)};
  AXS_TRY(check_link(spec));
  return spec;
}

Result<> save_link(const LinkFolder& folder, const LinkSpec& spec) {
  return host::write_file_atomically(folder.spec(), to_wire(spec), host::FileAccess::owner_only);
}

}  // namespace axs::live
