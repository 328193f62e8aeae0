#pragma once

#include <memory>
#include <optional>
#include <string>

#include "axs/catalog/utc.h"
#include "axs/core/crypto.h"
#include "axs/live/certificates.h"
#include "axs/net/tunnel.h"
#include "axs/net/versions.h"

namespace axs::live {

/// One end of a TLS 1.3 connection that touches no socket: bytes from the peer go in, bytes for it
/// come out. Nothing but TLS 1.3, X25519MLKEM768, TLS_AES_256_GCM_SHA384 and Ed25519 is offered, so
/// there is nothing to downgrade to; no tickets, no resumption, no early data.
///
/// An error is final: the connection is of no more use, but take_output() may still hold the alert
/// that tells the peer why. Keys and secrets never appear in an error.
class TlsEndpoint {
 public:
  /// Both ends show a certificate of the run, then the versions of the messages that they speak.
  /// `peer` is whom the other end must prove to be; `now` is the time at which certificates must be
  /// valid. A client has its first flight ready at once.
  static Result<TlsEndpoint> for_session(net::TlsRole role, const Credentials& own,
                                         const Identity& peer, catalog::UtcTime now,
                                         net::VersionRange versions = net::spoken_versions);
  /// The controller, towards a client that has no certificate yet.
  static Result<TlsEndpoint> for_enrolment_server(const Credentials& own);
  /// Such a client: the peer must be the controller of the run, by a certificate of the authority
  /// with this fingerprint.
  static Result<TlsEndpoint> for_enrolment_client(const Hash256& ca_fingerprint,
                                                  std::string_view run, catalog::UtcTime now);

  TlsEndpoint(TlsEndpoint&&) noexcept;
  TlsEndpoint& operator=(TlsEndpoint&&) noexcept;
  ~TlsEndpoint();

  /// Takes bytes from the peer, however they were cut.
  Result<> feed(ByteView bytes);
  /// The bytes for the peer since the last call.
  ByteVector take_output();

  /// In a session: the peer proved its identity and, as seen by the client, accepted ours, and both
  /// have agreed on a version.
  bool finished() const;
  /// The version of the messages that both speak; of a finished session.
  std::uint16_t version() const;
  /// Bytes that travel inside the connection, once it is finished.
  Result<> write(ByteView plain);
  ByteVector take_received();

  /// What keys the datagrams between these two starts of the agents: the exporter of RFC 8446
  /// section 7.5 with label "EXPORTER-axs-datagram". Both ends get the same, if they agree on who
  /// they are. Only of a finished session.
  Key256 datagram_secret(net::Incarnation client, net::Incarnation server) const;

 private:
  struct State;
  explicit TlsEndpoint(std::unique_ptr<State> state);
  Result<> advance();
  Result<> handshake();
  Result<> read();
  Result<> take_versions();
  Error failure() const;

  std::unique_ptr<State> state_;
};

}  // namespace axs::live
