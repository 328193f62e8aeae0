// Every record that comes from a peer, a worker or a file. The first byte chooses which it is taken
// for. What can be read has exactly one form: written again it gives the same bytes.
#include "any_value.h"
#include "axs/catalog/facts.h"
#include "axs/fabric/site.h"
#include "axs/live/enrolment.h"
#include "axs/live/overlay.h"
#include "axs/live/run_plan.h"
#include "axs/train/worker_protocol.h"
#include "target.h"

namespace axs::fuzz {
namespace {

template <class... Types>
struct List {};
using Records =
    List<train::SyncMessage, train::ToWorker, train::FromWorker, train::AgreementRecord,
         fabric::SiteMessageBody, net::Packet, net::Hello, net::HelloReply, net::LinkReport,
         net::RouteOrder, net::HandshakeSegment, live::RunPlan, live::TokenRecord,
         live::EnrolmentRequest, live::EnrolmentReply, host::ClockMark, catalog::AnyFact>;

template <class T>
void read_as(ByteView bytes) {
  const auto value = from_wire<T>(bytes, "record");
  if (value) AXS_ASSERT(std::ranges::equal(to_wire(*value), bytes));
}

template <class... Types>
void read_as_one_of(List<Types...>, ByteView input) {
  std::size_t index = 0;
  ((index++ == input[0] % sizeof...(Types) ? read_as<Types>(input.subspan(1)) : void(0)), ...);
}

template <class... Types>
std::vector<ByteVector> examples(List<Types...>) {
  std::vector<ByteVector> seeds;
  Rng rng{1};
  for (int round = 0; round < 20; ++round) {
    std::uint8_t index = 0;
    const auto add = [&](const ByteVector& wire) { seeds.push_back(tagged(index++, wire)); };
    (add(to_wire(any_value<Types>(rng))), ...);
  }
  return seeds;
}

}  // namespace

const Target target{.seeds = [] { return examples(Records{}); },
                    .mutations = 200'000,
                    .memory_base = 1 << 16,
                    .memory_per_byte = 512};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) axs::fuzz::read_as_one_of(axs::fuzz::Records{}, {data, size});
  return 0;
}
