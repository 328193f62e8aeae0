#include "axs/live/link_spec.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "axs/live/run_testing.h"

namespace axs::live {
namespace {

using testing::must;

constexpr double infinite = std::numeric_limits<double>::infinity();

LinkInvitation good_invitation() {
  LinkSpec spec{.name = "sfo-fra",
                .ends = {LinkEndSpec{"sfo", {.port = 7000}, {.port = 0}, "10.9.0.1", {}},
                         LinkEndSpec{"fra", {.port = 0}, {.port = 7000}, "10.9.0.2", {}}},
                .rate = BytesPerSecond{1e6},
                .promise = net::LinkPromise{2, 99, milliseconds(122)},
                .offer = {milliseconds(61), milliseconds(120), milliseconds(80)},
                .tcp = {{8080, {.port = 80}}},
                .local = {LinkSide::to}};
  return {std::move(spec), must(testing::authority("sfo-fra").issue_with_key("to", testing::noon))};
}

TEST_CASE("link spec: an invitation with a value that cannot be is refused in one sentence") {
  const LinkInvitation good = good_invitation();
  CHECK(check_invitation(good).has_value());

  using Spoil = std::function<void(LinkInvitation&)>;
  const auto spec = [](std::function<void(LinkSpec&)> change) {
    return [change](LinkInvitation& invitation) { change(invitation.spec); };
  };
  const auto rate = [&](double bytes) {
    return spec([=](LinkSpec& s) { s.rate = BytesPerSecond{bytes}; });
  };
  const auto promise = [&](net::LinkPromise made) {
    return spec([=](LinkSpec& s) { s.promise = made; });
  };
  const std::vector<std::pair<std::string, Spoil>> bad{
      {"rate", rate(std::numeric_limits<double>::quiet_NaN())},
      {"rate", rate(0)},
      {"rate", rate(-1e6)},
      {"rate", rate(infinite)},
      {"rate", rate(std::numeric_limits<double>::denorm_min())},
      {"latency", spec([](LinkSpec& s) { s.offer.light = Duration{INT64_MAX}; })},
      {"latency", spec([](LinkSpec& s) { s.offer.leo = Duration{-1}; })},
      {"round trip", promise({2, 99, milliseconds(10)})},
      {"promises nothing", promise({2, 99, Duration{INT64_MAX}})},
      {"stretch", promise({infinite, 99, milliseconds(122)})},
      {"percentile", promise({2, 0, milliseconds(122)})},
      {"percentile", promise({2, std::numeric_limits<double>::quiet_NaN(), milliseconds(122)})},
      {"port 0", spec([](LinkSpec& s) { s.tcp[0].port = 0; })},
      {"port 0", spec([](LinkSpec& s) { s.udp.push_back({53, {.port = 0}}); })},
      {"10.9.0.300", spec([](LinkSpec& s) { s.ends[1].tun_address = "10.9.0.300"; })},
      {"same TUN", spec([](LinkSpec& s) { s.ends[1].tun_address = "10.9.0.1"; })},
      {"at one end", spec([](LinkSpec& s) { s.ends[0].tun_address.clear(); })},
      {"namespace", spec([](LinkSpec& s) { s.ends[1].tun_namespace = "../init"; })},
      {"cannot be shown", spec([](LinkSpec& s) { s.ends[0].site = "\x1b[2J"; })},
      {"../x", spec([](LinkSpec& s) { s.name = "../x"; })},
      {"local ends", spec([](LinkSpec& s) { s.local.clear(); })},
      {"second end", spec([](LinkSpec& s) { s.local = {LinkSide::from}; })},
      {"first end", spec([](LinkSpec& s) { s.ends[1].peer.port = 0; })},
      {"certificate",
       [](LinkInvitation& i) {
         i.credentials = must(testing::authority("sfo-fra").issue_with_key("from", testing::noon));
       }},
      {"certificate", [](LinkInvitation& i) { i.credentials.certificate = "no certificate"; }},
  };
  for (const auto& [sentence, spoil] : bad) {
    CAPTURE(sentence);
    LinkInvitation invitation = good;
    spoil(invitation);
    const auto outcome = check_invitation(invitation);
    REQUIRE_FALSE(outcome.has_value());
    CHECK_MESSAGE(outcome.error().what.find(sentence) != std::string::npos, outcome.error().what);
    CHECK(outcome.error().what.find('\n') == std::string::npos);
  }
}

TEST_CASE("link spec: a record that cannot be is not loaded") {
  const testing::TemporaryFolder folder;
  const LinkFolder link{folder.path()};
  LinkSpec spec = good_invitation().spec;
  must(save_link(link, spec));
  CHECK(load_link(link).has_value());
  spec.rate = BytesPerSecond{-1};
  must(save_link(link, spec));
  CHECK_FALSE(load_link(link).has_value());
}

}  // namespace
}  // namespace axs::live
