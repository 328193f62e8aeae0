#include "axs/live/control.h"

#include <doctest/doctest.h>

#include "axs/host/temporary_folder.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

const ByteVector hello{1, 2, 3};
const ByteVector answer(LocalSocket::record_max, 7);

/// Answers every record, and stops the loop once `until` records have come.
std::unique_ptr<ControlServer> serve(host::Loop& loop, const std::string& path, int until) {
  auto server = std::make_shared<ControlServer*>(nullptr);
  auto count = std::make_shared<int>(0);
  auto opened = must(
      ControlServer::open(loop, path,
                          {.connected = [](ControlServer::PeerNumber) {},
                           .record = [&loop, server, count, until](ControlServer::PeerNumber peer,
                                                                   ByteView record) -> Result<> {
                             CHECK(ByteVector(record.begin(), record.end()) == hello);
                             (*server)->send(peer, answer);
                             if (++*count == until) loop.stop();
                             return Ok{};
                           },
                           .gone = [](ControlServer::PeerNumber) {}}));
  *server = opened.get();
  return opened;
}

}  // namespace

TEST_CASE("control: a client finds the server whenever that starts, and again after its end") {
  const host::TemporaryFolder folder;
  // Longer than a socket's address may be.
  const std::string deep = folder / std::string(120, 'd');
  std::filesystem::create_directory(deep);
  const std::string path = deep + "/control.sock";
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  int connected = 0, lost = 0;
  std::vector<ByteVector> heard;
  ControlClient* self = nullptr;
  ControlClient client{*loop,
                       path,
                       {.connected =
                            [&] {
                              ++connected;
                              CHECK(self->send(hello));
                            },
                        .record = [&](ByteView record) -> Result<> {
                          heard.emplace_back(record.begin(), record.end());
                          loop->stop();
                          return Ok{};
                        },
                        .lost =
                            [&] {
                              ++lost;
                              loop->stop();
                            }}};
  self = &client;
  CHECK_FALSE(client.send(hello));
  for (int life = 1; life <= 2; ++life) {
    auto server = serve(*loop, path, 2);
    must(loop->run());
    CHECK(connected == life);
    REQUIRE(heard.size() == static_cast<std::size_t>(life));
    CHECK(heard.back() == answer);
    server.reset();
    must(loop->run());
    CHECK(lost == life);
    CHECK_FALSE(client.connected());
  }
}

TEST_CASE("control: a peer that sends nonsense is dropped, the others stay") {
  const host::TemporaryFolder folder;
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  int gone = 0;
  const auto server = must(
      ControlServer::open(*loop, folder / "s",
                          {.connected = [](ControlServer::PeerNumber) {},
                           .record = [](ControlServer::PeerNumber, ByteView record) -> Result<> {
                             (void)AXS_TRY(from_wire<ToAgent>(record, "control"));
                             return Ok{};
                           },
                           .gone =
                               [&](ControlServer::PeerNumber) {
                                 ++gone;
                                 loop->stop();
                               }}));
  auto good = must(LocalSocket::connect(folder / "s"));
  auto bad = must(LocalSocket::connect(folder / "s"));
  must(good.send(to_wire(ToAgent{SlowWorker{2}})));
  must(bad.send(ByteVector{250, 250}));
  must(loop->run());
  CHECK(gone == 1);
  CHECK_FALSE(bad.receive());
  const auto nothing = good.receive();
  REQUIRE(nothing);
  CHECK_FALSE(nothing->has_value());
}
