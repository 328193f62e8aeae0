#include "axs/live/enrolment.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

const catalog::UtcTime tomorrow = noon + seconds(86'400);

struct Controller {
  CertificateAuthority ca;
  EnrolmentDesk desk{ca, {}};
  Credentials own = must(ca.issue_with_key("", noon));
};

Newcomer newcomer(const EnrolmentToken& token) {
  return {token, "fra", must(create_private_key())};
}

/// A whole conversation; what the agent has at its end. All bytes on the wire are kept.
Result<Credentials> enrol(Controller& controller, const Newcomer& agent, ByteVector* wire = nullptr,
                          catalog::UtcTime now = noon) {
  EnrolmentClient client = must(EnrolmentClient::create(agent, now));
  EnrolmentServer server = must(EnrolmentServer::create(controller.own));
  bool answered = false;
  const auto keep = [wire](ByteVector bytes) {
    if (wire) wire->insert(wire->end(), bytes.begin(), bytes.end());
    return bytes;
  };
  for (int flights = 0; flights < 10 && !client.outcome(); ++flights) {
    (void)server.feed(keep(client.take_output()));
    if (server.request() && !answered) {
      answered = true;
      must(server.answer(controller.desk.decide(*server.request(), now)));
    }
    const ByteVector bytes = keep(server.take_output());
    AXS_TRY(client.feed(bytes));
  }
  REQUIRE(client.outcome().has_value());
  return *client.outcome();
}

Result<Credentials> enrol(Controller& controller, const EnrolmentToken& token,
                          ByteVector* wire = nullptr, catalog::UtcTime now = noon) {
  return enrol(controller, newcomer(token), wire, now);
}

bool refused(const Result<Credentials>& result, std::string_view part) {
  REQUIRE_FALSE(result);
  INFO(result.error().what);
  const bool found = result.error().what.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

bool contains(const ByteVector& bytes, std::span<const std::uint8_t> part) {
  return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

}  // namespace

TEST_CASE("token: its text reads back; a damaged one is refused without being repeated") {
  const EnrolmentToken token{"r1", Key256{7}, Hash256{9}};
  const EnrolmentToken read = must(EnrolmentToken::parse(token.text()));
  CHECK(read.run == token.run);
  CHECK(read.secret == token.secret);
  CHECK(read.ca_fingerprint == token.ca_fingerprint);
  for (std::size_t size = 0; size < token.text().size(); ++size) {
    const auto cut = EnrolmentToken::parse(token.text().substr(0, size));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().what.find(to_hex(token.secret)) == std::string::npos);
  }
  CHECK_FALSE(EnrolmentToken::parse(token.text() + "0"));
  CHECK_FALSE(EnrolmentToken::parse("axs-join-2" + token.text().substr(10)));
}

TEST_CASE("enrolment: an invited agent gets credentials that work, and the token stays secret") {
  Controller controller{authority()};
  const EnrolmentToken token = must(controller.desk.invite("fra", tomorrow));
  ByteVector wire;
  const Credentials fra = must(enrol(controller, token, &wire));
  CHECK(must(certificate_identity(fra.certificate)) == Identity{"r1", "fra"});
  CHECK(fra.ca_certificate == controller.ca.certificate());
  CHECK(TlsEndpoint::for_session(net::TlsRole::client, fra, {"r1", "sfo"}, noon));
  CHECK_FALSE(contains(wire, token.secret));
  CHECK_FALSE(contains(to_wire(controller.desk.records()), token.secret));
}

TEST_CASE("enrolment: a token works once, also across a restart of the controller") {
  Controller controller{authority()};
  const EnrolmentToken token = must(controller.desk.invite("fra", tomorrow));
  must(enrol(controller, token));
  CHECK(refused(enrol(controller, token), "the token for site fra has been used"));
  const auto stored =
      must(from_wire<std::vector<TokenRecord>>(to_wire(controller.desk.records()), "tokens"));
  controller.desk = EnrolmentDesk{controller.ca, stored};
  CHECK(refused(enrol(controller, token), "the token for site fra has been used"));
}

TEST_CASE("enrolment: who lost the reply asks again with its key, and gets the same certificate") {
  Controller controller{authority()};
  const Newcomer agent = newcomer(must(controller.desk.invite("fra", tomorrow)));
  const Credentials first = must(enrol(controller, agent));
  controller.desk = EnrolmentDesk{controller.ca, controller.desk.records()};
  // The token was redeemed in time; what was granted then may be fetched later.
  const Credentials second = must(enrol(controller, agent, nullptr, tomorrow));
  CHECK(second.certificate == first.certificate);
  CHECK(second.key == agent.key);
}

TEST_CASE("enrolment: a token that lies in the folder of another site is not used up there") {
  Controller controller{authority()};
  Newcomer agent = newcomer(must(controller.desk.invite("fra", tomorrow)));
  agent.site = "tyo";
  CHECK(refused(enrol(controller, agent), "this token is for site fra"));
  agent.site = "fra";
  CHECK(enrol(controller, agent));
}

TEST_CASE("enrolment: a certificate for another key than the agent's is not taken") {
  Controller controller{authority()};
  const Newcomer agent = newcomer(must(controller.desk.invite("fra", tomorrow)));
  EnrolmentClient client = must(EnrolmentClient::create(agent, noon));
  EnrolmentServer server = must(EnrolmentServer::create(controller.own));
  while (!server.request()) {
    must(server.feed(client.take_output()));
    must(client.feed(server.take_output()));
  }
  const std::string foreign = must(controller.ca.issue_with_key("fra", noon)).certificate;
  must(server.answer(EnrolmentGrant{foreign, controller.ca.certificate()}));
  must(client.feed(server.take_output()));
  REQUIRE(client.outcome());
  CHECK(refused(*client.outcome(), "of another run, site or key"));
}

TEST_CASE("enrolment: tokens that expired or were never given out are refused") {
  Controller controller{authority()};
  const EnrolmentToken token = must(controller.desk.invite("fra", tomorrow));
  CHECK(refused(enrol(controller, token, nullptr, tomorrow),
                "expired at " + catalog::format_utc(tomorrow)));
  EnrolmentToken guess = token;
  guess.secret[0] ^= 1;
  CHECK(refused(enrol(controller, guess), "this token is not known to run r1"));
  CHECK(enrol(controller, token));
  CHECK_FALSE(controller.desk.invite("not a site", tomorrow));
}

TEST_CASE("enrolment: a false controller is noticed before the token is shown to it") {
  Controller real{authority()}, impostor{authority()};
  const EnrolmentToken token = must(real.desk.invite("fra", tomorrow));
  CHECK(refused(enrol(impostor, token), "another authority"));
  // Nor may a site of the right run play the controller.
  impostor.own = must(real.ca.issue_with_key("tyo", noon));
  CHECK(refused(enrol(impostor, token), "axs://run/r1/site/tyo"));
  CHECK(enrol(real, token));
}

TEST_CASE("enrolment: a bad request does not use up the token") {
  Controller controller{authority()};
  const EnrolmentToken token = must(controller.desk.invite("fra", tomorrow));
  const EnrolmentReply reply = controller.desk.decide({token.secret, "fra", "no PEM"}, noon);
  REQUIRE(std::holds_alternative<EnrolmentRefusal>(reply));
  CHECK(enrol(controller, token));
}
