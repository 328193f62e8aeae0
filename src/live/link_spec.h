#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "axs/live/certificates.h"
#include "axs/live/datagram_socket.h"
#include "axs/net/frame.h"
#include "axs/net/link_sla.h"

namespace axs::live {

/// Which end of a link; the first is the one that was named first: programs connect there, and it
/// judges the promise.
enum class LinkSide : std::uint8_t { from, to };
inline constexpr std::array link_sides{LinkSide::from, LinkSide::to};

constexpr LinkSide other(LinkSide side) {
  return side == LinkSide::from ? LinkSide::to : LinkSide::from;
}

/// One end: where it receives and where it sends to. `peer.port` 0: to whoever proves to be the
/// other end.
struct LinkEndSpec {
  std::string site;
  Endpoint at;
  Endpoint peer;
  std::string tun_address;    ///< Of a TUN interface; empty: none.
  std::string tun_namespace;  ///< Where that is made; empty: where the process is.
};

/// A port of 127.0.0.1 at the first end; who uses it talks to `target`, as the second end sees it.
struct LinkForward {
  std::uint16_t port{};
  Endpoint target;
};

/// What both ends of a link must know.
struct LinkSpec {
  static constexpr std::uint32_t current_version = 1;
  std::uint32_t version = current_version;
  std::string name;
  std::array<LinkEndSpec, 2> ends;  ///< By LinkSide.
  net::TrafficClass traffic = net::TrafficClass::gradient;
  std::optional<BytesPerSecond> rate{};
  std::optional<net::LinkPromise> promise{};
  net::LatencyOffer offer{};
  std::optional<Endpoint> meeting{};  ///< Where the ends find each other; `peer` of both.
  std::vector<LinkForward> tcp{};
  std::vector<LinkForward> udp{};
  std::vector<LinkSide> local{};  ///< The ends that this machine runs.

  const LinkEndSpec& end(LinkSide side) const { return ends[static_cast<std::size_t>(side)]; }
  LinkEndSpec& end(LinkSide side) { return ends[static_cast<std::size_t>(side)]; }
};

/// Where things lie in the folder of a link.
struct LinkFolder {
  std::string path;

  std::string spec() const { return path + "/link"; }
  std::string authority() const { return path + "/ca"; }
  std::string end(LinkSide side) const { return path + (side == LinkSide::from ? "/from" : "/to"); }
  std::string lock(LinkSide side) const { return end(side) + "/lock"; }
  std::string log(LinkSide side) const { return end(side) + "/log"; }
  std::string stats(LinkSide side) const { return end(side) + "/stats.json"; }
  std::string credentials(LinkSide side) const { return end(side) + "/credentials"; }
  /// A line of JSON for each window in which the promise was broken, synced as it is written.
  std::string breaches() const { return path + "/breaches.jsonl"; }
};

/// Whether a link can be as the record says, whoever wrote it; the error names the first value that
/// is not.
Result<> check_link(const LinkSpec& spec);

/// The record of a link, checked.
Result<LinkSpec> load_link(const LinkFolder& folder);
Result<> save_link(const LinkFolder& folder, const LinkSpec& spec);

/// What the second end needs on another machine: secret, for it holds that end's key.
struct LinkInvitation {
  LinkSpec spec;
  Credentials credentials;
};

/// Whether it makes a second end: the record can be, and the credentials are that end's.
Result<> check_invitation(const LinkInvitation& invitation);

}  // namespace axs::live
