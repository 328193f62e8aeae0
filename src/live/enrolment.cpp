#include "axs/live/enrolment.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace axs::live {

namespace {

constexpr std::string_view token_kind = "axs-join-1";
/// A request or reply is a few kilobytes of PEM.
constexpr std::uint32_t largest_message = 32 * 1024;

/// A message inside the connection: its length in 32 bits, then its wire form.
template <class Message>
ByteVector framed(const Message& message) {
  const ByteVector body = to_wire(message);
  ByteVector frame = to_wire(static_cast<std::uint32_t>(body.size()));
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

/// The message at the start of `bytes`, once it is there whole.
template <class Message>
Result<std::optional<Message>> unframed(const ByteVector& bytes, std::string_view what) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) return std::optional<Message>{};
  std::memcpy(&size, bytes.data(), sizeof size);
  if (size > largest_message)
    return Error{Errc::corrupt, std::string{what} + ": " + std::to_string(size) +
                                    " bytes, want at most " + std::to_string(largest_message)};
  if (bytes.size() < sizeof size + size) return std::optional<Message>{};
  const ByteView body = ByteView{bytes}.subspan(sizeof size, size);
  return std::optional<Message>{AXS_TRY(from_wire<Message>(body, what))};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<Key256> key_from_hex(std::string_view text) {
  Key256 key;
  if (text.size() != 2 * key.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return key;
}

/// The text up to the next dot, which is taken off with it.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('.'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

}  // namespace

std::string EnrolmentToken::text() const {
  return std::string{token_kind} + "." + run + "." + to_hex(secret) + "." + to_hex(ca_fingerprint);
}

Result<EnrolmentToken> EnrolmentToken::parse(std::string_view text) {
  const std::string_view kind = take_part(text), run = take_part(text);
  const auto secret = key_from_hex(take_part(text)), fingerprint = key_from_hex(text);
  // The text is a secret: the error does not repeat it.
  if (kind != token_kind || !check_name("run", run) || !secret || !fingerprint)
    return Error{Errc::invalid, "enrolment token: malformed or cut short, want \"" +
                                    std::string{token_kind} +
                                    ".<run>.<64 hex digits>.<64 hex digits>\""};
  return EnrolmentToken{std::string{run}, *secret, *fingerprint};
}

EnrolmentDesk::EnrolmentDesk(CertificateAuthority authority, std::vector<TokenRecord> records)
    : authority_{std::move(authority)}, records_{std::move(records)} {}

Result<EnrolmentToken> EnrolmentDesk::invite(std::string_view site, catalog::UtcTime expires) {
  AXS_TRY(check_name("site", site));
  EnrolmentToken token{authority_.run(), {}, authority_.fingerprint()};
  if (RAND_priv_bytes(token.secret.data(), static_cast<int>(token.secret.size())) != 1)
    return Error{Errc::unavailable, "enrolment token: the random generator failed"};
  records_.push_back({sha256(token.secret), std::string{site}, expires, std::nullopt});
  return token;
}

EnrolmentReply EnrolmentDesk::decide(const EnrolmentRequest& request, catalog::UtcTime now) {
  // Looked up by hash, so the time that it takes tells nothing about a secret.
  const Hash256 hash = sha256(request.secret);
  const auto record = std::find_if(records_.begin(), records_.end(), [&](const TokenRecord& each) {
    return each.secret_hash == hash;
  });
  if (record == records_.end())
    return EnrolmentRefusal{"this token is not known to run " + authority_.run()};
  if (request.site != record->site)
    return EnrolmentRefusal{"this token is for site " + record->site +
                            ", not for the one it is at"};
  return redeem(*record, request, now);
}

EnrolmentReply EnrolmentDesk::redeem(TokenRecord& record, const EnrolmentRequest& request,
                                     catalog::UtcTime now) {
  const auto key = requested_key(request.certificate_request);
  if (!key) return EnrolmentRefusal{key.error().what};
  const std::string token = "the token for site " + record.site;
  if (record.redeemed && record.redeemed->key != *key)
    return EnrolmentRefusal{token + " has been used, want a new one for each agent"};
  if (!record.redeemed) {
    if (now >= record.expires)
      return EnrolmentRefusal{token + " expired at " + catalog::format_utc(record.expires)};
    auto certificate = authority_.issue(record.site, request.certificate_request, now);
    if (!certificate) return EnrolmentRefusal{certificate.error().what};
    record.redeemed = Redemption{*key, *std::move(certificate)};
  }
  return EnrolmentGrant{record.redeemed->certificate, authority_.certificate()};
}

Result<EnrolmentClient> EnrolmentClient::create(Newcomer newcomer, catalog::UtcTime now) {
  TlsEndpoint tls = AXS_TRY(
      TlsEndpoint::for_enrolment_client(newcomer.token.ca_fingerprint, newcomer.token.run, now));
  return EnrolmentClient{std::move(tls), std::move(newcomer)};
}

Result<> EnrolmentClient::feed(ByteView bytes) {
  if (outcome_) return Ok{};
  AXS_TRY(tls_.feed(bytes));
  if (!tls_.finished()) return Ok{};
  if (!std::exchange(asked_, true)) AXS_TRY(ask());
  const ByteVector more = tls_.take_received();
  incoming_.insert(incoming_.end(), more.begin(), more.end());
  const auto reply = AXS_TRY(unframed<EnrolmentReply>(incoming_, "enrolment reply"));
  if (reply) outcome_ = conclude(*reply);
  return Ok{};
}

/// The token goes out only now that the controller has proved to be the right one.
Result<> EnrolmentClient::ask() {
  const std::string request = AXS_TRY(create_certificate_request(newcomer_.key));
  return tls_.write(framed(EnrolmentRequest{newcomer_.token.secret, newcomer_.site, request}));
}

Result<Credentials> EnrolmentClient::conclude(const EnrolmentReply& reply) const {
  if (const auto* refusal = std::get_if<EnrolmentRefusal>(&reply))
    return Error{Errc::unavailable, "enrolment refused: " + refusal->reason};
  const auto& grant = std::get<EnrolmentGrant>(reply);
  AXS_TRY(check(grant));
  return Credentials{newcomer_.key, grant.certificate, grant.ca_certificate};
}

Result<> EnrolmentClient::check(const EnrolmentGrant& grant) const {
  const Identity want{newcomer_.token.run, newcomer_.site};
  const Hash256 print = AXS_TRY(certificate_fingerprint(grant.ca_certificate));
  const Identity identity = AXS_TRY(certificate_identity(grant.certificate));
  const bool own = AXS_TRY(belongs_together(newcomer_.key, grant.certificate));
  if (print == newcomer_.token.ca_fingerprint && identity == want && own) return Ok{};
  return Error{Errc::corrupt, "enrolment reply: a certificate of another run, site or key, want " +
                                  want.uri() + " for the key of this agent"};
}

Result<EnrolmentServer> EnrolmentServer::create(const Credentials& controller) {
  return EnrolmentServer{AXS_TRY(TlsEndpoint::for_enrolment_server(controller))};
}

Result<> EnrolmentServer::feed(ByteView bytes) {
  AXS_TRY(tls_.feed(bytes));
  const ByteVector more = tls_.take_received();
  incoming_.insert(incoming_.end(), more.begin(), more.end());
  if (!request_) request_ = AXS_TRY(unframed<EnrolmentRequest>(incoming_, "enrolment request"));
  return Ok{};
}

Result<> EnrolmentServer::answer(const EnrolmentReply& reply) {
  AXS_ASSERT(request_.has_value());
  answered_ = true;
  return tls_.write(framed(reply));
}

}  // namespace axs::live
