#include "axs/train/ring.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <deque>

using namespace axs;
using namespace axs::train;

namespace {

struct Sent {
  std::uint32_t to;
  std::uint32_t piece;
  std::uint32_t hop;
  std::vector<float> values;
};

/// All sites' gradients, summed on a ring whose messages overtake each other at random.
std::vector<std::vector<float>> reduce(std::vector<std::vector<float>> gradients, RingShape shape) {
  std::vector<RingReduce> books;
  std::vector<Sent> way;
  const auto send = [&](std::uint32_t from, std::uint32_t piece, std::uint32_t hop) {
    const FlatRange range = shape.range(piece);
    const auto begin = gradients[from].begin() + static_cast<std::ptrdiff_t>(range.begin);
    way.push_back({(from + 1) % shape.sites,
                   piece,
                   hop,
                   {begin, begin + static_cast<std::ptrdiff_t>(range.size)}});
  };
  for (std::uint32_t i = 0; i < shape.sites; ++i) {
    books.emplace_back(shape, SiteId{i});
    if (shape.sites == 1) break;
    for (std::uint32_t piece = books[i].first_own(); piece < books[i].end_own(); ++piece)
      send(i, piece, 0);
  }
  while (!way.empty()) {
    const auto next = *rc::gen::inRange<std::size_t>(0, way.size());
    const Sent sent = way[next];
    way.erase(way.begin() + static_cast<std::ptrdiff_t>(next));
    const auto taken = books[sent.to].take(sent.piece, sent.hop);
    RC_ASSERT(taken.has_value());
    RC_ASSERT(!books[sent.to].take(sent.piece, sent.hop));
    RC_ASSERT(taken->range.size == sent.values.size());
    for (std::size_t i = 0; i < sent.values.size(); ++i) {
      float& own = gradients[sent.to][taken->range.begin + i];
      own = taken->use == RingReduce::Use::add ? sent.values[i] + own : sent.values[i];
    }
    if (taken->next_hop) send(sent.to, sent.piece, *taken->next_hop);
  }
  for (const RingReduce& site : books) RC_ASSERT(site.complete());
  return gradients;
}

}  // namespace

TEST_CASE("ring: every site ends with the sum in ring order, to the bit, whatever overtakes what") {
  CHECK(rc::check([] {
    const auto sites = *rc::gen::inRange<std::uint32_t>(1, 6);
    const RingShape shape{sites, *rc::gen::inRange<std::uint32_t>(1, 4),
                          *rc::gen::inRange<std::uint64_t>(1, 40)};
    std::vector<std::vector<float>> gradients(sites, std::vector<float>(shape.values));
    for (auto& gradient : gradients)
      for (float& value : gradient)
        value = static_cast<float>(*rc::gen::inRange(-1'000'000, 1'000'000)) * 1e-3F;
    std::vector<float> expected(shape.values);
    for (std::uint32_t piece = 0; piece < shape.pieces(); ++piece) {
      const FlatRange range = shape.range(piece);
      for (std::size_t i = range.begin; i < range.begin + range.size; ++i)
        for (std::uint32_t n = 0; n < sites; ++n) {
          const float value = gradients[(shape.sender(piece, 0).value + n) % sites][i];
          expected[i] = n == 0 ? value : expected[i] + value;
        }
    }
    for (const auto& sum : reduce(gradients, shape)) RC_ASSERT(sum == expected);
  }));
}

TEST_CASE("ring: the pieces cover the gradient, and a site sends 2(n - 1)/n of it") {
  CHECK(rc::check([] {
    const auto sites = *rc::gen::inRange<std::uint32_t>(2, 9);
    const RingShape shape = ring_shape(*rc::gen::inRange<std::uint64_t>(1, 2'000'000), sites);
    std::uint64_t covered = 0, most_sent = 0;
    std::vector<std::uint64_t> sent(sites);
    for (std::uint32_t piece = 0; piece < shape.pieces(); ++piece) {
      RC_ASSERT(shape.range(piece).begin == covered);
      covered += shape.range(piece).size;
      for (std::uint32_t hop = 0; hop < shape.hops(); ++hop)
        sent[shape.sender(piece, hop).value] += shape.range(piece).size;
    }
    RC_ASSERT(covered == shape.values);
    for (const std::uint64_t values : sent) most_sent = std::max(most_sent, values);
    RC_ASSERT(most_sent <= 2 * (sites - 1) * (shape.values / sites + shape.pieces()));
  }));
}

TEST_CASE("ring: what no honest neighbour sends is refused") {
  RingReduce site{{3, 2, 60}, SiteId{1}};
  CHECK_FALSE(site.take(6, 0));  // No such piece.
  CHECK_FALSE(site.take(0, 4));  // No such hop.
  CHECK_FALSE(site.take(0, 1));  // From itself.
  CHECK(site.take(0, 0)->use == RingReduce::Use::add);
  CHECK_FALSE(site.take(0, 0));
  CHECK(site.take(0, 3)->use == RingReduce::Use::copy);
  CHECK_FALSE(site.complete());
}
