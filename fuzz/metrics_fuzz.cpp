// Pages of metrics, as another version or another program may leave them in a run's folder.
#include "axs/catalog/metrics.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  catalog::Metrics metrics{"r1", "sfo"};
  metrics.add(catalog::metric("axs_session_starts_total"), {"a \"b\\\n"}, 1e300);
  metrics.observe(catalog::metric("axs_sync_wait_seconds"), 0.5);
  return {bytes_of(metrics.page())};
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 10'000, .memory_base = 1 << 20};

}  // namespace axs::fuzz

/// What comes of a page is a page of which nothing more can be left out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string page{axs::fuzz::text_of({data, size})};
  const std::string merged = axs::catalog::merge_metrics({page});
  AXS_ASSERT(axs::catalog::merge_metrics({merged, page}) == merged);
  return 0;
}
