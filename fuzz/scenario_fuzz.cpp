// A scenario. One that is accepted can be planned, or the plan says what is wrong; nothing in it is
// met by an assertion later.
#include <filesystem>
#include <fstream>

#include "axs/config/scenario.h"
#include "axs/fabric/link_plan.h"
#include "target.h"

namespace axs::fuzz {
namespace {

constexpr std::string_view complete = R"(version = 1
name = "pair"
seed = 3
[model]
layers = 4
heads = 4
kv-heads = 2
width = 128
hidden = 336
context = 64
[train]
sync = "outer"
tokens = "1.5M"
sequences = 12
inner = { rate = 1e-3, final-rate = 1e-4, beta1 = 0.9, warmup = 100 }
outer = { period = 20, fragments = 2, rate = 0.8, momentum = 0.5 }
[[site]]
name = "sfo"
at = [37.77, -122.42]
clock = { offset = "-1 h", drift-ppm = 20 }
[[site]]
name = "fra"
at = [50.11, 8.68]
accelerators = [{ type = "cpu", count = 1 }]
[sky]
start = "2025-10-08T12:00:00Z"
speed = 10
shell = { altitude = "550 km", inclination = 53, planes = 12, per-plane = 10 }
[[link]]
between = ["sfo", "fra"]
kind = "wire"
rate = "100 Mb/s"
rate-back = "1 Gb/s"
delay = "75 ms"
jitter = "1 ms"
loss = 0.01
[[fault]]
at = "20%"
cut = "sfo-fra"
kind = "wire"
for = "20s"
[[fault]]
at = "40s"
slow = "fra"
by = 3
for = "20s"
[[fault]]
at = "70%"
kill = "controller"
)";

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all{bytes_of(complete)};
  for (const auto& entry : std::filesystem::directory_iterator{AXS_SOURCE_DIR "/scenarios"}) {
    std::ifstream file{entry.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (entry.path().extension() == ".toml") all.push_back(bytes_of(text));
  }
  return all;
}

void run(ByteView input) {
  auto scenario = config::parse_scenario(text_of(input), "fuzz.toml");
  if (!scenario) return;
  AXS_ASSERT(!scenario->sites.empty());
  (void)fabric::topology_of(*scenario);
  // The sky takes too long here, and orbit looks at its own numbers.
  std::erase_if(scenario->links,
                [](const catalog::Link& link) { return link.kind == catalog::LinkKind::leo; });
  (void)fabric::plan_links(*scenario, {}, seconds(10)).has_value();
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 8'000};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
