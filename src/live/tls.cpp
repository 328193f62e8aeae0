#include "axs/live/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "axs/live/openssl_handles.h"

namespace axs::live {

namespace {

constexpr std::string_view exporter_label = "EXPORTER-axs-datagram";
/// What a client writes first inside the connection, and a server in answer, when it has accepted
/// the client's certificate: a net::VersionRange. Its form is the same in every version.
constexpr std::size_t versions_size = 4;

enum class Purpose { session, enrolment };

/// Whom the other end must prove to be, and by what.
struct Expectation {
  std::string uri;
  std::optional<Hash256> ca_fingerprint;  ///< Else the authority in the trust store.
  catalog::UtcTime now;
  std::string problem;  ///< Why the peer's certificate was refused.
};

std::string last_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "malformed message" : reason;
}

/// Trusts the authority in the peer's own chain if it has the expected fingerprint.
CertificatePtr pinned_authority(X509_STORE_CTX* context, const Hash256& fingerprint) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* certificate = sk_X509_value(chain, i);
    if (fingerprint_of(certificate) != fingerprint) continue;
    X509_up_ref(certificate);
    return CertificatePtr{certificate};
  }
  return nullptr;
}

bool chain_is_good(X509_STORE_CTX* context, Expectation& expected) {
  const std::int64_t at = expected.now.ns / 1'000'000'000;
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), at);
  CertificatePtr pinned;
  STACK_OF(X509)* trusted = nullptr;
  if (expected.ca_fingerprint) {
    pinned = pinned_authority(context, *expected.ca_fingerprint);
    trusted = sk_X509_new_null();
    if (pinned) sk_X509_push(trusted, pinned.get());
    X509_STORE_CTX_set0_trusted_stack(context, trusted);
  }
  const bool good = X509_verify_cert(context) == 1;
  if (!good)
    expected.problem = std::string{"certificate of another authority or invalid ("} +
                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)) + ")";
  sk_X509_free(trusted);
  return good;
}

/// Called by OpenSSL in place of its own check of the peer's chain, so that an identity that is not
/// the expected one ends the handshake with an alert, as a wrong signature does.
int check_peer(X509_STORE_CTX* context, void* argument) {
  auto& expected = *static_cast<Expectation*>(argument);
  if (!chain_is_good(context, expected)) return 0;
  const std::string uri = uri_of(X509_STORE_CTX_get0_cert(context)).value_or("nobody");
  if (uri == expected.uri) return 1;
  expected.problem = "certificate is for " + uri;
  X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

/// The policy of every connection. A failure here is a library built without what we need.
Result<SslContextPtr> hardened_context() {
  // The system's openssl.cnf is not ours and must not change what is offered.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SslContextPtr context{SSL_CTX_new(TLS_method())};
  SSL_CTX* raw = context.get();
  const bool ok = raw && SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1 &&
                  SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 &&
                  SSL_CTX_set_ciphersuites(raw, "TLS_AES_256_GCM_SHA384") == 1 &&
                  SSL_CTX_set1_groups_list(raw, "X25519MLKEM768") == 1 &&
                  SSL_CTX_set1_sigalgs_list(raw, "ed25519") == 1 &&
                  SSL_CTX_set_num_tickets(raw, 0) == 1;
  if (!ok) return Error{Errc::unavailable, "tls: libssl lacks X25519MLKEM768, want OpenSSL >= 3.5"};
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
  return context;
}

Result<CertificatePtr> read_certificate(const std::string& pem) {
  CertificatePtr read{PEM_read_bio_X509(bio_over(pem).get(), nullptr, nullptr, nullptr)};
  if (!read) return Error{Errc::invalid, "tls: certificate unreadable, want PEM"};
  return read;
}

/// The authority travels along too: a client that is about to enrol knows only its fingerprint.
Result<> use_credentials(SSL_CTX* context, const Credentials& own) {
  const CertificatePtr certificate = AXS_TRY(read_certificate(own.certificate));
  CertificatePtr authority = AXS_TRY(read_certificate(own.ca_certificate));
  const KeyPtr key{PEM_read_bio_PrivateKey(bio_over(own.key).get(), nullptr, nullptr, nullptr)};
  if (!key || SSL_CTX_use_certificate(context, certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return Error{Errc::invalid, "tls: private key unreadable or not the certificate's"};
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  AXS_ASSERT(X509_STORE_add_cert(store, authority.get()) == 1);
  AXS_ASSERT(SSL_CTX_add1_chain_cert(context, authority.get()) == 1);
  return Ok{};
}

}  // namespace

struct TlsEndpoint::State {
  State(net::TlsRole own_role, Purpose why, SslContextPtr policy)
      : role{own_role}, purpose{why}, context{std::move(policy)} {}

  net::TlsRole role;
  Purpose purpose;
  std::string run;
  Expectation expected{};
  SslContextPtr context;
  SslPtr ssl{};
  bool shaken = false;
  net::VersionRange versions{};
  std::optional<std::uint16_t> version;  ///< Once both have told theirs.
  std::optional<Error> error;
  ByteVector received;

  /// Makes the connection; the context is complete.
  void start() {
    ssl.reset(SSL_new(context.get()));
    AXS_ASSERT(ssl != nullptr);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    AXS_ASSERT(in && out);
    SSL_set_bio(ssl.get(), in, out);
    role == net::TlsRole::client ? SSL_set_connect_state(ssl.get())
                                 : SSL_set_accept_state(ssl.get());
  }
  void require_peer(const Identity& peer, catalog::UtcTime now) {
    run = peer.run;
    expected.uri = peer.uri();
    expected.now = now;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), check_peer, &expected);
  }
};

TlsEndpoint::TlsEndpoint(std::unique_ptr<State> state) : state_{std::move(state)} {}
TlsEndpoint::TlsEndpoint(TlsEndpoint&&) noexcept = default;
TlsEndpoint& TlsEndpoint::operator=(TlsEndpoint&&) noexcept = default;
TlsEndpoint::~TlsEndpoint() = default;

Result<TlsEndpoint> TlsEndpoint::for_session(net::TlsRole role, const Credentials& own,
                                             const Identity& peer, catalog::UtcTime now,
                                             net::VersionRange versions) {
  auto state = std::make_unique<State>(role, Purpose::session, AXS_TRY(hardened_context()));
  state->versions = versions;
  AXS_TRY(use_credentials(state->context.get(), own));
  state->require_peer(peer, now);
  state->start();
  TlsEndpoint endpoint{std::move(state)};
  AXS_TRY(endpoint.advance());
  return endpoint;
}

Result<TlsEndpoint> TlsEndpoint::for_enrolment_server(const Credentials& own) {
  auto state = std::make_unique<State>(net::TlsRole::server, Purpose::enrolment,
                                       AXS_TRY(hardened_context()));
  AXS_TRY(use_credentials(state->context.get(), own));
  state->start();
  return TlsEndpoint{std::move(state)};
}

Result<TlsEndpoint> TlsEndpoint::for_enrolment_client(const Hash256& ca_fingerprint,
                                                      std::string_view run, catalog::UtcTime now) {
  auto state = std::make_unique<State>(net::TlsRole::client, Purpose::enrolment,
                                       AXS_TRY(hardened_context()));
  state->expected.ca_fingerprint = ca_fingerprint;
  state->require_peer({std::string{run}, ""}, now);
  state->start();
  TlsEndpoint endpoint{std::move(state)};
  AXS_TRY(endpoint.advance());
  return endpoint;
}

Result<> TlsEndpoint::feed(ByteView bytes) {
  if (state_->error) return *state_->error;
  if (!bytes.empty()) {
    BIO* in = SSL_get_rbio(state_->ssl.get());
    AXS_ASSERT(BIO_write(in, bytes.data(), static_cast<int>(bytes.size())) ==
               static_cast<int>(bytes.size()));
  }
  return advance();
}

Result<> TlsEndpoint::advance() {
  ERR_clear_error();
  if (!state_->shaken) AXS_TRY(handshake());
  return state_->shaken ? read() : Result<>{Ok{}};
}

Result<> TlsEndpoint::handshake() {
  const int status = SSL_do_handshake(state_->ssl.get());
  if (status != 1) {
    if (SSL_get_error(state_->ssl.get(), status) == SSL_ERROR_WANT_READ) return Ok{};
    state_->error = failure();
    return *state_->error;
  }
  state_->shaken = true;
  const bool begins = state_->purpose == Purpose::session && state_->role == net::TlsRole::client;
  return begins ? write(to_wire(state_->versions)) : Result<>{Ok{}};
}

/// The server answers even where nothing will do, so that the client too can say why.
Result<> TlsEndpoint::take_versions() {
  ByteVector& received = state_->received;
  if (received.size() < versions_size) return Ok{};
  const auto peer = from_wire<net::VersionRange>(ByteView{received}.first(versions_size), "tls");
  received.erase(received.begin(), received.begin() + versions_size);
  if (state_->role == net::TlsRole::server) AXS_TRY(write(to_wire(state_->versions)));
  const auto version = net::agree(state_->versions, *peer);
  if (version) {
    state_->version = *version;
    return Ok{};
  }
  state_->error =
      Error{version.error().code, "tls with " + state_->expected.uri + ": " + version.error().what};
  return *state_->error;
}

Result<> TlsEndpoint::read() {
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    const int size = SSL_read(state_->ssl.get(), buffer.data(), buffer.size());
    if (size <= 0) {
      if (SSL_get_error(state_->ssl.get(), size) == SSL_ERROR_WANT_READ) break;
      state_->error = failure();
      return *state_->error;
    }
    state_->received.insert(state_->received.end(), buffer.begin(), buffer.begin() + size);
  }
  const bool waits = state_->purpose == Purpose::session && !state_->version;
  return waits ? take_versions() : Result<>{Ok{}};
}

Error TlsEndpoint::failure() const {
  const Expectation& expected = state_->expected;
  const std::string peer = expected.uri.empty() ? "an enrolling agent" : expected.uri;
  const auto because = [&](const std::string& reason) {
    return Error{Errc::unavailable, "tls with " + peer + ": " + reason};
  };
  if (!expected.problem.empty()) return because("the peer shows a " + expected.problem);
  const std::string reason = last_openssl_error();
  const bool alert = reason.find(" alert ") != std::string::npos;
  return because(alert ? "the peer refused (" + reason + ")" : reason);
}

ByteVector TlsEndpoint::take_output() {
  BIO* out = SSL_get_wbio(state_->ssl.get());
  ByteVector bytes(BIO_ctrl_pending(out));
  if (!bytes.empty())
    AXS_ASSERT(BIO_read(out, bytes.data(), static_cast<int>(bytes.size())) ==
               static_cast<int>(bytes.size()));
  return bytes;
}

bool TlsEndpoint::finished() const {
  const bool agreed = state_->purpose == Purpose::enrolment || state_->version;
  return state_->shaken && agreed && !state_->error;
}

std::uint16_t TlsEndpoint::version() const {
  AXS_ASSERT(finished() && state_->version);
  return *state_->version;
}

Result<> TlsEndpoint::write(ByteView plain) {
  AXS_ASSERT(state_->shaken);
  if (plain.empty()) return Ok{};
  // Into memory a write is always taken whole.
  const int size = static_cast<int>(plain.size());
  if (SSL_write(state_->ssl.get(), plain.data(), size) == size) return Ok{};
  state_->error = failure();
  return *state_->error;
}

ByteVector TlsEndpoint::take_received() {
  return std::exchange(state_->received, {});
}

Key256 TlsEndpoint::datagram_secret(net::Incarnation client, net::Incarnation server) const {
  AXS_ASSERT(finished() && state_->purpose == Purpose::session);
  ByteVector context;
  WireWriter writer{context};
  writer.put(state_->run);
  writer.put(client.value);
  writer.put(server.value);
  Key256 secret;
  AXS_ASSERT(SSL_export_keying_material(state_->ssl.get(), secret.data(), secret.size(),
                                        exporter_label.data(), exporter_label.size(),
                                        context.data(), context.size(), 1) == 1);
  return secret;
}

}  // namespace axs::live
