#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/utc.h"
#include "axs/live/certificates.h"
#include "axs/live/tls.h"

/// How an agent comes to a certificate of its run. A person, or the launcher, hands it a token: it
/// proves to the controller that the agent was invited, and to the agent that the controller is the
/// right one, for it holds the authority's fingerprint. So neither side trusts the network. The
/// agent's key is made where it is used and never travels.
namespace axs::live {

/// The secret of an invitation, as text "axs-join-1.<run>.<secret>.<fingerprint>", both in hex.
struct EnrolmentToken {
  std::string run;
  Key256 secret{};
  Hash256 ca_fingerprint{};

  std::string text() const;
  static Result<EnrolmentToken> parse(std::string_view text);
};

/// What a token has been given for.
struct Redemption {
  Hash256 key{};  ///< The SHA-256 of the public key, in DER form, that came with the token.
  std::string certificate;
};
/// What the controller keeps of a token: never the secret itself.
struct TokenRecord {
  Hash256 secret_hash{};
  std::string site;
  catalog::UtcTime expires;
  std::optional<Redemption> redeemed;
};

struct EnrolmentRequest {
  Key256 secret{};
  std::string site;  ///< Which the agent means to become: the token's, or nothing comes of it.
  std::string certificate_request;
};
struct EnrolmentGrant {
  std::string certificate;
  std::string ca_certificate;
};
struct EnrolmentRefusal {
  std::string reason;  ///< A sentence for a person.
};
using EnrolmentReply = std::variant<EnrolmentGrant, EnrolmentRefusal>;

/// The controller's side: gives out tokens and redeems each for one key. Whoever asks again with
/// the same token and the same key, because it was killed before it could save the reply, gets the
/// same certificate again.
class EnrolmentDesk {
 public:
  EnrolmentDesk(CertificateAuthority authority, std::vector<TokenRecord> records);

  /// A token with which one agent may become this site until `expires`.
  Result<EnrolmentToken> invite(std::string_view site, catalog::UtcTime expires);
  /// Redeems a token for a certificate of the site that it was made for.
  EnrolmentReply decide(const EnrolmentRequest& request, catalog::UtcTime now);
  const CertificateAuthority& authority() const { return authority_; }
  /// To be stored after every invite(), and after every decide() before its reply goes out: a token
  /// that was redeemed must stay so after a crash.
  const std::vector<TokenRecord>& records() const { return records_; }

 private:
  EnrolmentReply redeem(TokenRecord& record, const EnrolmentRequest& request, catalog::UtcTime now);

  CertificateAuthority authority_;
  std::vector<TokenRecord> records_;
};

/// What an agent has before it is enrolled. The key is on its disk already, so that it can ask
/// again with the same one after a kill.
struct Newcomer {
  EnrolmentToken token;
  std::string site;
  std::string key;
};

/// The agent's half of the conversation: bytes in, bytes out, one outcome.
class EnrolmentClient {
 public:
  static Result<EnrolmentClient> create(Newcomer newcomer, catalog::UtcTime now);

  /// Takes bytes from the controller. An error ends the conversation, after take_output(); another
  /// one may be tried.
  Result<> feed(ByteView bytes);
  ByteVector take_output() { return tls_.take_output(); }
  /// What came of the controller's reply, for good: the agent's credentials or the reason why there
  /// are none. Nothing before.
  const std::optional<Result<Credentials>>& outcome() const { return outcome_; }
  bool finished() const { return outcome_.has_value(); }

 private:
  EnrolmentClient(TlsEndpoint tls, Newcomer newcomer)
      : tls_{std::move(tls)}, newcomer_{std::move(newcomer)} {}
  Result<> ask();
  Result<Credentials> conclude(const EnrolmentReply& reply) const;
  Result<> check(const EnrolmentGrant& grant) const;

  TlsEndpoint tls_;
  Newcomer newcomer_;
  bool asked_ = false;
  ByteVector incoming_;
  std::optional<Result<Credentials>> outcome_;
};

/// The controller's half of one conversation. Between request() and answer() the world has its desk
/// decide and stores the records.
class EnrolmentServer {
 public:
  static Result<EnrolmentServer> create(const Credentials& controller);

  /// Takes bytes from the agent. An error ends the conversation, after take_output().
  Result<> feed(ByteView bytes);
  ByteVector take_output() { return tls_.take_output(); }
  /// The agent's request, once it has arrived whole.
  const std::optional<EnrolmentRequest>& request() const { return request_; }
  Result<> answer(const EnrolmentReply& reply);
  bool finished() const { return answered_; }

 private:
  explicit EnrolmentServer(TlsEndpoint tls) : tls_{std::move(tls)} {}

  TlsEndpoint tls_;
  ByteVector incoming_;
  std::optional<EnrolmentRequest> request_;
  bool answered_ = false;
};

}  // namespace axs::live
