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
/// right one, for it holds the authority's fingerprint. So neither side trusts the network.
namespace axs::live {

/// The secret of an invitation, as text "axs-join-1.<run>.<secret>.<fingerprint>", both in hex.
struct EnrolmentToken {
  std::string run;
  Key256 secret{};
  Hash256 ca_fingerprint{};

  std::string text() const;
  static Result<EnrolmentToken> parse(std::string_view text);
};

/// What the controller keeps of a token: never the secret itself.
struct TokenRecord {
  Hash256 secret_hash{};
  std::string site;
  catalog::UtcTime expires;
  bool used{};
};

struct EnrolmentRequest {
  Key256 secret{};
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

/// The controller's side: gives out tokens and redeems each at most once.
class EnrolmentDesk {
 public:
  EnrolmentDesk(CertificateAuthority authority, std::vector<TokenRecord> records);

  /// A token with which one agent may become this site until `expires`.
  Result<EnrolmentToken> invite(std::string_view site, catalog::UtcTime expires);
  /// Redeems a token for a certificate of the site that it was made for.
  EnrolmentReply decide(const EnrolmentRequest& request, catalog::UtcTime now);
  /// To be stored after every invite(), and after every decide() before its reply goes out: a token
  /// that was redeemed must stay so after a crash.
  const std::vector<TokenRecord>& records() const { return records_; }

 private:
  CertificateAuthority authority_;
  std::vector<TokenRecord> records_;
};

/// The agent's half of the conversation: bytes in, bytes out, one outcome.
class EnrolmentClient {
 public:
  /// Makes a key that never leaves this object but in the outcome.
  static Result<EnrolmentClient> create(const EnrolmentToken& token, catalog::UtcTime now);

  /// Takes bytes from the controller.
  void feed(ByteView bytes);
  ByteVector take_output() { return tls_.take_output(); }
  /// The agent's credentials or the reason why there are none; nothing while it goes on.
  const std::optional<Result<Credentials>>& outcome() const { return outcome_; }

 private:
  EnrolmentClient(TlsEndpoint tls, const EnrolmentToken& token, std::string key);
  Result<> talk(ByteView bytes);
  Result<Credentials> conclude(const EnrolmentReply& reply) const;

  TlsEndpoint tls_;
  EnrolmentToken token_;
  std::string key_;
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

 private:
  explicit EnrolmentServer(TlsEndpoint tls) : tls_{std::move(tls)} {}

  TlsEndpoint tls_;
  ByteVector incoming_;
  std::optional<EnrolmentRequest> request_;
};

}  // namespace axs::live
