// Short texts: quantities, civil time, enrolment tokens, names of journal segments. What has one
// written form comes back as it was.
#include "axs/catalog/model_presets.h"
#include "axs/catalog/utc.h"
#include "axs/config/quantity.h"
#include "axs/host/journal_format.h"
#include "axs/live/enrolment.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  for (const char* text :
       {"40s", "1.5 ms", "-1 h", "100 Mb/s", "12.5MB/s", "1.5M", "12000", "550 km", "1e300 s",
        "nan", "2025-10-08T12:00:00Z", "2024-02-29T23:59:59.123456789Z", "00000000000000000042.log",
        "llama-1m"})
    all.push_back(bytes_of(text));
  all.push_back(bytes_of(live::EnrolmentToken{"r1", {1, 2}, {3, 4}}.text()));
  return all;
}

void run(std::string_view text) {
  if (const auto time = config::parse_duration(text)) AXS_ASSERT(*time >= Duration{});
  if (const auto rate = config::parse_rate(text)) AXS_ASSERT(rate->value() >= 1);
  if (const auto count = config::parse_count(text)) AXS_ASSERT(*count >= 1);
  if (const auto length = config::parse_length(text)) AXS_ASSERT(length->value() > 0);
  (void)config::parse_offset(text).has_value();
  (void)catalog::model_preset(text).has_value();
  if (const auto time = catalog::parse_utc(text)) {
    const std::string written = catalog::format_utc(*time);
    AXS_ASSERT(written.substr(0, 19) == text.substr(0, 19));
  }
  if (const auto token = live::EnrolmentToken::parse(text)) AXS_ASSERT(token->text() == text);
  if (const auto first = host::journal_format::parse_segment_name(text))
    AXS_ASSERT(host::journal_format::segment_name(*first) == text);
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 80'000, .memory_base = 1 << 14, .memory_per_byte = 16};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run(axs::fuzz::text_of({data, size}));
  return 0;
}
