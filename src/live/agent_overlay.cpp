#include "axs/host/clock.h"
#include "axs/live/agent.h"

/// How an agent comes to be known to the others, and connected with them.
namespace axs::live {

using fabric::Site;

Result<> Agent::open_overlay() {
  std::optional<StoredDesk> desk;
  if (!config_.desk.empty()) desk = AXS_TRY(StoredDesk::open(config_.desk));
  SiteIdentity identity = AXS_TRY(identify(desk));
  Overlay::Callbacks callbacks;
  callbacks.packet = [this](SiteId from, net::Packet packet, ByteView payloads, Duration waited) {
    happen(Site::PeerPacket{from, std::move(packet), waited}, {payloads.begin(), payloads.end()});
  };
  callbacks.event = [this](Site::Event event) { happen(std::move(event)); };
  callbacks.fact = [this](const catalog::Fact& fact) { note(fact); };
  callbacks.enrolled = [this](const Credentials& own) { return enrolled(own); };
  callbacks.failed = [this](Error error) { fail(std::move(error)); };
  overlay_ = AXS_TRY(Overlay::open(*loop_,
                                   {.run = config_.run,
                                    .self = config_.site,
                                    .incarnation = {incarnation_},
                                    .scenario = config_.scenario,
                                    .topology = topology_,
                                    .identity = std::move(identity),
                                    .desk = std::move(desk),
                                    .links = config_.links},
                                   std::move(callbacks)));
  return Ok{};
}

/// The home agent redeems its token as the others do, but needs no network for that.
Result<SiteIdentity> Agent::identify(std::optional<StoredDesk>& desk) {
  SiteIdentity identity = AXS_TRY(load_identity(config_.folder, {config_.run, name(config_.site)}));
  const auto* newcomer = std::get_if<Newcomer>(&identity);
  if (newcomer == nullptr || !desk) return identity;
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  const Credentials own = AXS_TRY(enrol_at(*desk, *newcomer, now));
  AXS_TRY(enrolled(own));
  return SiteIdentity{own};
}

Result<> Agent::enrolled(const Credentials& credentials) {
  AXS_TRY(save_credentials(config_.folder, credentials));
  note(catalog::Enrolled{AXS_TRY(certificate_fingerprint(credentials.certificate))});
  return Ok{};
}

}  // namespace axs::live
