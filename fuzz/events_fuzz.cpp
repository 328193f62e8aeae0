// Lines of events.jsonl, as another version or a torn write may leave them, and what is shown of
// them to people.
#include <nlohmann/json.hpp>

#include "any_value.h"
#include "axs/catalog/facts.h"
#include "axs/cli/events.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (int i = 0; i < 200; ++i)
    all.push_back(bytes_of(
        catalog::fact_line({"r1", "sfo", Instant{} + seconds(i)}, any_value<catalog::Fact>(rng))));
  return all;
}

void run(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_discarded()) (void)cli::describe(event);
  }
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 20'000, .memory_base = 1 << 16};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run(axs::fuzz::text_of({data, size}));
  return 0;
}
