// A file of orbital elements as JSON or CSV. What is accepted has elements within their ranges.
#include <string>

#include "axs/config/elements.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  const std::string keys =
      "OBJECT_NAME,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,"
      "MEAN_ANOMALY,NORAD_CAT_ID,BSTAR\n";
  const std::string values =
      "\"A, \"\"B\"\"\",2025-10-08T12:00:00.5,15.5,.0006703,51.64,208.9,69.9,25.2,25544,.1E-3\n";
  const std::string message =
      R"({"OBJECT_NAME":"A","EPOCH":"2025-10-08T12:00:00","MEAN_MOTION":15.5,"ECCENTRICITY":"0.1",)"
      R"("INCLINATION":51.6,"RA_OF_ASC_NODE":208.9,"ARG_OF_PERICENTER":69.9,"MEAN_ANOMALY":25.2,)"
      R"("NORAD_CAT_ID":25544,"BSTAR":0.0001,"TIME_SYSTEM":"UTC","DECAY_DATE":null})";
  return {bytes_of(keys + values), bytes_of(keys + values + values), bytes_of(message),
          bytes_of("[" + message + "," + message + "]")};
}

void run(ByteView input) {
  const auto sets = config::parse_elements(text_of(input), "fuzz");
  if (!sets) return;
  AXS_ASSERT(!sets->empty());
  for (const orbit::ElementSet& set : *sets) {
    AXS_ASSERT(set.elements.eccentricity >= 0 && set.elements.eccentricity < 1);
    AXS_ASSERT(set.elements.mean_motion > 0 && set.elements.mean_motion <= 18);
  }
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 40'000, .memory_base = 1 << 18, .memory_per_byte = 512};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
