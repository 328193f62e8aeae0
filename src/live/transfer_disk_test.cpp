#include "axs/live/transfer_disk.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "axs/host/temporary_folder.h"
#include "axs/live/transfer_files.h"

using namespace axs;
using namespace axs::live;

namespace {

constexpr fabric::TransferId file{0}, rehearsal{1};
constexpr std::uint64_t piece = 1'000;

const std::string text = [] {
  std::string made;
  for (int i = 0; made.size() < 4'500; ++i) made += std::to_string(i) + ' ';
  return made.substr(0, 4'500);
}();

ByteVector bytes_of(std::string_view view) {
  return {view.begin(), view.end()};
}

/// A site that sends to itself, as far as its disk can tell.
struct World {
  World() {
    std::ofstream{source, std::ios::binary} << text;
    restart();
  }
  void restart() { disk.emplace(config, stop); }

  TransferAnswer answer(const TransferWork& work, ByteVector bytes = {}) {
    auto answered = disk->perform(work, std::move(bytes));
    REQUIRE(answered.has_value());
    return *std::move(answered);
  }
  template <class Event>
  Event hear(const TransferWork& work, ByteVector bytes = {}) {
    const TransferAnswer answered = answer(work, std::move(bytes));
    INFO(answered.reason);
    REQUIRE(std::holds_alternative<Event>(answered.event));
    return std::get<Event>(answered.event);
  }
  std::string why_broken(const TransferWork& work, ByteVector bytes = {}) {
    const TransferAnswer answered = answer(work, std::move(bytes));
    REQUIRE(std::holds_alternative<fabric::TransferBroken>(answered.event));
    return answered.reason;
  }
  fabric::TransferOffer offer(fabric::TransferId transfer = file) {
    const auto opened = hear<fabric::TransferOpened>(fabric::OpenTransfer{transfer});
    return {transfer, 1, opened.size, opened.content};
  }
  /// Keeps that piece of the text; says how much is held then, if more than before.
  std::optional<std::uint64_t> keep(std::uint64_t offset) {
    const std::string part = text.substr(offset, piece);
    const auto answered =
        disk->perform(fabric::KeepPiece{{file, 1, offset, part.size()}}, bytes_of(part));
    if (!answered) return std::nullopt;
    INFO(answered->reason);
    return std::get<fabric::TransferHeld>(answered->event).bytes;
  }
  std::string received() const {
    std::ifstream whole{config.folder + "/model", std::ios::binary};
    return {std::istreambuf_iterator<char>{whole}, {}};
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{config.folder}, {}));
  }

  host::TemporaryFolder folder;
  std::string source = folder / "source";
  TransferDisk::Config config{folder / "received",
                              {{SiteId{0}, SiteId{1}, "model", source, text.size(), Duration{}},
                               {SiteId{0}, SiteId{1}, "made", "", 10'001, Duration{}}},
                              7};
  std::atomic<bool> stop = false;
  std::optional<TransferDisk> disk;
};

}  // namespace

TEST_CASE("transfer disk: pieces in any order, some twice, are one file in the end") {
  World world;
  const auto offer = world.offer();
  CHECK(offer.size == text.size());
  CHECK(offer.content == sha256(bytes_of(text)));
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == 0);
  CHECK_FALSE(world.keep(2'000));
  CHECK(world.keep(0) == 1'000);
  CHECK_FALSE(world.keep(0));
  CHECK(world.keep(1'000) == 3'000);
  CHECK_FALSE(world.keep(4'000));
  CHECK(world.keep(3'000) == text.size());
  CHECK(world.received() == text);
  CHECK(world.files() == 1);
  CHECK_FALSE(world.keep(3'000));
  // Another life finds it whole.
  world.restart();
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == text.size());
}

TEST_CASE("transfer disk: another life goes on with what was written") {
  World world;
  const auto offer = world.offer();
  (void)world.answer(fabric::AcceptTransfer{offer});
  (void)world.keep(0);
  (void)world.keep(2'000);
  world.restart();
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == 1'000);
  for (std::uint64_t offset = 1'000; offset < 4'000; offset += piece) (void)world.keep(offset);
  // It was killed before it could make sure of the last piece.
  std::ofstream{(*std::filesystem::directory_iterator{world.config.folder}).path(),
                std::ios::binary | std::ios::app}
      << text.substr(4'000);
  world.restart();
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == text.size());
  CHECK(world.received() == text);
}

TEST_CASE("transfer disk: what is not what was offered is named and removed") {
  World world;
  auto offer = world.offer();
  offer.content[0] ^= 1;
  (void)world.answer(fabric::AcceptTransfer{offer});
  for (std::uint64_t offset = 0; offset < 4'000; offset += piece) (void)world.keep(offset);
  const std::string why =
      world.why_broken(fabric::KeepPiece{{file, 1, 4'000, 500}}, bytes_of(text.substr(4'000)));
  CHECK(why.find("/model: what came has the SHA-256 ") != why.npos);
  CHECK(world.files() == 0);
  CHECK_FALSE(world.keep(0));
}

TEST_CASE("transfer disk: another content removes the parts of those before, and no others") {
  World world;
  auto offer = world.offer();
  (void)world.answer(fabric::AcceptTransfer{offer});
  (void)world.keep(0);
  // Of a transfer whose name begins alike, and no part at all.
  const std::string alike = world.config.folder + "/model.2.0123456789abcdef.part";
  const std::string whole = world.config.folder + "/model";
  for (const std::string& name : {alike, whole}) std::ofstream{name} << "x";
  CHECK(world.files() == 3);
  offer.offer = 2;
  offer.content[0] ^= 1;
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == 0);
  CHECK(world.files() == 3);
  CHECK(std::filesystem::exists(alike));
  CHECK(std::filesystem::exists(whole));
  // The same content again goes on with its own.
  CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == 0);
  CHECK(world.files() == 3);
}

TEST_CASE("transfer disk: a part of an earlier life that is wrong is thrown away once") {
  for (const std::size_t there : {std::size_t{500}, text.size(), text.size() + 7}) {
    CAPTURE(there);
    World world;
    const auto offer = world.offer();
    (void)world.answer(fabric::AcceptTransfer{offer});
    const auto part = (*std::filesystem::directory_iterator{world.config.folder}).path();
    std::ofstream{part, std::ios::binary} << std::string(there, 'x');
    world.restart();
    if (there < text.size()) {
      CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == there);
      for (std::uint64_t offset = 0; offset < 4'000; offset += piece) (void)world.keep(offset);
      const auto last = fabric::KeepPiece{{file, 1, 4'000, 500}};
      CHECK(world.hear<fabric::TransferSpoilt>(last, bytes_of(text.substr(4'000))).content ==
            offer.content);
    } else {
      (void)world.hear<fabric::TransferSpoilt>(fabric::AcceptTransfer{offer});
    }
    CHECK(world.files() == 0);
    CHECK(world.hear<fabric::TransferHeld>(fabric::AcceptTransfer{offer}).bytes == 0);
    for (std::uint64_t offset = 0; offset < text.size(); offset += piece) (void)world.keep(offset);
    CHECK(world.received() == text);
  }
}

TEST_CASE("transfer disk: what cannot be is one sentence") {
  World world;
  auto offer = world.offer();
  std::filesystem::resize_file(world.source, 4'200);
  CHECK(world.why_broken(fabric::ReadPiece{{file, 1, 4'000, 500}}) ==
        world.source + ": it ends at byte 4200, want 4500");
  CHECK_FALSE(world.disk->perform(fabric::ReadPiece{{file, 1, 0, 500}}, {}));
  offer.size = std::uint64_t{1} << 62;
  CHECK(world.why_broken(fabric::AcceptTransfer{offer}).find("bytes, want 46116") !=
        std::string::npos);
  std::filesystem::remove(world.source);
  CHECK(world.why_broken(fabric::OpenTransfer{file}) ==
        world.source + ": No such file or directory (ENOENT)");
  world.stop = true;
  CHECK(world.why_broken(fabric::OpenTransfer{rehearsal}) == "the agent is asked to stop");
}

TEST_CASE("transfer disk: made-up bytes are the same, whatever the pieces") {
  World world;
  const auto offer = world.offer(rehearsal);
  ByteVector whole;
  for (std::uint64_t offset = 0; offset < offer.size;) {
    const std::uint64_t size = std::min(offer.size - offset, 1 + offset / 3);
    const auto read = world.answer(fabric::ReadPiece{{rehearsal, 1, offset, size}});
    CHECK(read.bytes.size() == size);
    whole.insert(whole.end(), read.bytes.begin(), read.bytes.end());
    offset += size;
  }
  CHECK(whole.size() == 10'001);
  CHECK(sha256(whole) == offer.content);
}

TEST_CASE("transfer files: the thread answers in order, and may be left with work") {
  World world;
  const auto files = *TransferFiles::start(world.config);
  files->want(fabric::OpenTransfer{rehearsal});
  for (std::uint64_t offset = 0; offset < 10'000; offset += piece)
    files->want(fabric::ReadPiece{{rehearsal, 1, offset, piece}});
  std::vector<TransferAnswer> answers;
  while (answers.size() < 11)
    for (auto& answer : files->take()) answers.push_back(std::move(answer));
  CHECK(std::holds_alternative<fabric::TransferOpened>(answers[0].event));
  for (std::uint64_t i = 1; i < answers.size(); ++i)
    CHECK(std::get<fabric::PieceRead>(answers[i].event).piece.offset == (i - 1) * piece);
  for (int i = 0; i < 1'000; ++i) files->want(fabric::OpenTransfer{rehearsal});
}
