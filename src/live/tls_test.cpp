#include "axs/live/tls.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include "axs/live/openssl_handles.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;
using net::Incarnation;
using net::TlsRole;

namespace {

const Identity sfo{"r1", "sfo"}, fra{"r1", "fra"};

/// The client's and the server's last word after all bytes have been exchanged.
struct Outcome {
  Result<> client{Ok{}}, server{Ok{}};
};

Outcome exchange(TlsEndpoint& client, TlsEndpoint& server) {
  Outcome outcome;
  for (int flights = 0; flights < 10; ++flights) {
    const ByteVector up = client.take_output();
    if (!up.empty() && outcome.server) outcome.server = server.feed(up);
    const ByteVector down = server.take_output();
    if (!down.empty() && outcome.client) outcome.client = client.feed(down);
  }
  return outcome;
}

struct Ends {
  TlsEndpoint client, server;
};

Ends make_ends(const Credentials& client, const Credentials& server, catalog::UtcTime now = noon) {
  return {must(TlsEndpoint::for_session(TlsRole::client, client, fra, now)),
          must(TlsEndpoint::for_session(TlsRole::server, server, sfo, now))};
}

bool says(const Result<>& result, std::string_view part) {
  if (result) return false;
  INFO(result.error().what);
  const bool found = result.error().what.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

/// A client with another policy than ours, made of OpenSSL alone.
class ForeignClient {
 public:
  explicit ForeignClient(void (*configure)(SSL_CTX*)) : context_{SSL_CTX_new(TLS_client_method())} {
    configure(context_.get());
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  ByteVector first_flight() {
    (void)SSL_do_handshake(ssl_.get());
    BIO* out = SSL_get_wbio(ssl_.get());
    ByteVector bytes(BIO_ctrl_pending(out));
    REQUIRE(BIO_read(out, bytes.data(), static_cast<int>(bytes.size())) > 0);
    return bytes;
  }

 private:
  SslContextPtr context_;
  SslPtr ssl_;
};

Result<> server_meets(void (*configure)(SSL_CTX*)) {
  const Credentials own = must(authority().issue_with_key("fra", noon));
  TlsEndpoint server = must(TlsEndpoint::for_session(TlsRole::server, own, sfo, noon));
  return server.feed(ForeignClient{configure}.first_flight());
}

}  // namespace

TEST_CASE(
    "tls: two sites of a run finish and hold the same secret, which depends on who they are") {
  const CertificateAuthority ca = authority();
  Ends ends = make_ends(must(ca.issue_with_key("sfo", noon)), must(ca.issue_with_key("fra", noon)));
  const Outcome outcome = exchange(ends.client, ends.server);
  REQUIRE(outcome.client);
  REQUIRE(outcome.server);
  REQUIRE(ends.client.finished());
  REQUIRE(ends.server.finished());
  const auto secret = [](const TlsEndpoint& end, std::uint32_t client, std::uint32_t server) {
    return end.datagram_secret(Incarnation{client}, Incarnation{server});
  };
  CHECK(secret(ends.client, 3, 4) == secret(ends.server, 3, 4));
  CHECK(secret(ends.client, 3, 4) != secret(ends.server, 4, 3));
  CHECK(secret(ends.client, 3, 4) != secret(ends.server, 3, 5));
  Ends again =
      make_ends(must(ca.issue_with_key("sfo", noon)), must(ca.issue_with_key("fra", noon)));
  REQUIRE(exchange(again.client, again.server).client);
  CHECK(secret(again.client, 3, 4) != secret(ends.client, 3, 4));
}

TEST_CASE("tls: both speak the smaller one of their highest versions, or say why they cannot") {
  const CertificateAuthority ca = authority();
  const Credentials at_sfo = must(ca.issue_with_key("sfo", noon)),
                    at_fra = must(ca.issue_with_key("fra", noon));
  const auto meet = [&](net::VersionRange client, net::VersionRange server) {
    Ends ends{must(TlsEndpoint::for_session(TlsRole::client, at_sfo, fra, noon, client)),
              must(TlsEndpoint::for_session(TlsRole::server, at_fra, sfo, noon, server))};
    const Outcome outcome = exchange(ends.client, ends.server);
    return std::pair{outcome, std::move(ends)};
  };
  const auto [good, ends] = meet({2, 5}, {1, 4});
  REQUIRE(good.client);
  REQUIRE(good.server);
  CHECK(ends.client.version() == 4);
  CHECK(ends.server.version() == 4);
  const auto [bad, unfinished] = meet({1, 2}, {3, 4});
  CHECK(says(bad.client,
             "tls with axs://run/r1/site/fra: it speaks version 3 to 4 of the messages, this agent "
             "version 1 to 2"));
  CHECK(says(bad.server,
             "tls with axs://run/r1/site/sfo: it speaks version 1 to 2 of the messages, this agent "
             "version 3 to 4"));
  CHECK_FALSE(unfinished.client.finished());
  CHECK_FALSE(unfinished.server.finished());
}

TEST_CASE("tls: bytes may come one by one") {
  const CertificateAuthority ca = authority();
  Ends ends = make_ends(must(ca.issue_with_key("sfo", noon)), must(ca.issue_with_key("fra", noon)));
  for (int flights = 0; flights < 4; ++flights) {
    for (const std::uint8_t byte : ends.client.take_output())
      must(ends.server.feed(std::span{&byte, 1}));
    for (const std::uint8_t byte : ends.server.take_output())
      must(ends.client.feed(std::span{&byte, 1}));
  }
  CHECK(ends.client.finished());
  CHECK(ends.server.finished());
}

TEST_CASE("tls: a certificate of another run's authority is refused, and the peer learns of it") {
  const Credentials good = must(authority().issue_with_key("sfo", noon));
  const CertificateAuthority other = authority();
  Credentials stranger = must(other.issue_with_key("fra", noon));
  Ends ends = make_ends(good, stranger);
  const Outcome outcome = exchange(ends.client, ends.server);
  CHECK(says(outcome.client,
             "tls with axs://run/r1/site/fra: the peer shows a certificate of "
             "another authority or invalid (self-signed"));
  CHECK(says(outcome.server, "the peer refused"));
  CHECK_FALSE(ends.client.finished());
  CHECK_FALSE(ends.server.finished());
}

TEST_CASE("tls: a client that the server refuses never counts itself finished") {
  const CertificateAuthority ca = authority(), other = authority();
  Credentials stranger = must(other.issue_with_key("sfo", noon));
  stranger.ca_certificate = ca.certificate();  // It knows whom to trust, but is not trusted.
  Ends ends = make_ends(stranger, must(ca.issue_with_key("fra", noon)));
  const Outcome outcome = exchange(ends.client, ends.server);
  CHECK(says(outcome.server, "another authority"));
  CHECK(says(outcome.client, "the peer refused"));
  CHECK_FALSE(ends.client.finished());
}

TEST_CASE("tls: the wrong site, at either end, is refused by name") {
  const CertificateAuthority ca = authority();
  const Credentials at_sfo = must(ca.issue_with_key("sfo", noon)),
                    at_tyo = must(ca.issue_with_key("tyo", noon)),
                    at_fra = must(ca.issue_with_key("fra", noon));
  Ends wrong_server = make_ends(at_sfo, at_tyo);
  CHECK(says(exchange(wrong_server.client, wrong_server.server).client,
             "tls with axs://run/r1/site/fra: the peer shows a certificate is for "
             "axs://run/r1/site/tyo"));
  Ends wrong_client = make_ends(at_tyo, at_fra);
  CHECK(says(exchange(wrong_client.client, wrong_client.server).server, "axs://run/r1/site/tyo"));
  CHECK_FALSE(wrong_client.client.finished());
}

TEST_CASE("tls: certificates that expired or are not valid yet are refused") {
  const CertificateAuthority ca = authority();
  const Credentials at_sfo = must(ca.issue_with_key("sfo", noon)),
                    at_fra = must(ca.issue_with_key("fra", noon));
  const auto client_says_at = [&](catalog::UtcTime now) {
    Ends ends = make_ends(at_sfo, at_fra, now);
    return exchange(ends.client, ends.server).client;
  };
  const Duration valid = CertificateAuthority::certificate_validity;
  CHECK(client_says_at(noon + valid + -seconds(1)));
  CHECK(says(client_says_at(noon + valid + seconds(2)), "certificate has expired"));
  CHECK(client_says_at(noon + -seconds(86'400)));
  CHECK(says(client_says_at(noon + -seconds(86'402)), "not yet valid"));
}

TEST_CASE("tls: nothing older or weaker is accepted") {
  CHECK(says(server_meets(
                 [](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); }),
             "unsupported protocol"));
  CHECK(says(server_meets([](SSL_CTX* context) {
               REQUIRE(SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1);
             }),
             "no suitable key share"));
  CHECK(says(server_meets([](SSL_CTX* context) {
               REQUIRE(SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") == 1);
             }),
             "no shared cipher"));
  CHECK(server_meets([](SSL_CTX*) {}));
}

TEST_CASE("tls: a client without a certificate is refused by a session") {
  const CertificateAuthority ca = authority();
  TlsEndpoint client = must(TlsEndpoint::for_enrolment_client(ca.fingerprint(), "r1", noon));
  TlsEndpoint server =
      must(TlsEndpoint::for_session(TlsRole::server, must(ca.issue_with_key("", noon)), sfo, noon));
  CHECK(says(exchange(client, server).server, "peer did not return a certificate"));
}

TEST_CASE("tls: an altered byte anywhere ends the handshake or stalls it, and never crashes") {
  const CertificateAuthority ca = authority();
  const Credentials at_sfo = must(ca.issue_with_key("sfo", noon)),
                    at_fra = must(ca.issue_with_key("fra", noon));
  for (std::size_t at = 0; at < 6'000; at += 97) {
    Ends ends = make_ends(at_sfo, at_fra);
    std::size_t sent = 0;
    const auto carry = [&](TlsEndpoint& from, TlsEndpoint& to) {
      ByteVector bytes = from.take_output();
      if (at >= sent && at < sent + bytes.size()) bytes[at - sent] ^= 0x10;
      sent += bytes.size();
      (void)to.feed(bytes);
    };
    for (int flights = 0; flights < 4; ++flights) {
      carry(ends.client, ends.server);
      carry(ends.server, ends.client);
    }
    // The legacy version of a record header is ignored by every receiver (RFC 8446 section 5.1).
    const bool both = ends.client.finished() && ends.server.finished();
    if (both && at < sent)
      CHECK(ends.client.datagram_secret({1}, {1}) == ends.server.datagram_secret({1}, {1}));
  }
}

TEST_CASE("tls: unusable credentials are refused with a reason") {
  const CertificateAuthority ca = authority();
  Credentials mixed = must(ca.issue_with_key("sfo", noon));
  mixed.key = must(create_private_key());
  const auto made = TlsEndpoint::for_session(TlsRole::client, mixed, fra, noon);
  REQUIRE_FALSE(made);
  CHECK(made.error().what == "tls: private key unreadable or not the certificate's");
  mixed.certificate = "nonsense";
  CHECK_FALSE(TlsEndpoint::for_session(TlsRole::client, mixed, fra, noon));
}
