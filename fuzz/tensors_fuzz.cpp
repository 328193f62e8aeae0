// A safetensors file and a worker's saved state, as a disk may give them back.
#include <fstream>

#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/learn/safetensors.h"
#include "axs/learn/state_slots.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace learn;

const host::TemporaryFolder& folder() {
  static const host::TemporaryFolder folder;
  return folder;
}

ByteVector content(const std::string& name) {
  return *host::read_file(folder() / name, 1 << 20);
}

const ByteVector saved_state(200, 7);

std::vector<ByteVector> seeds() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const NamedTensor tensors[] = {{"a", {2, 3}, values}, {"b", {6}, values}, {"none", {0}, {}}};
  AXS_ASSERT(write_safetensors(folder() / "t", tensors, {{"format", "pt"}}));
  {
    auto slots = *StateSlots::open(folder() / "slots");
    (void)slots.load();
    const ByteView part{saved_state};
    AXS_ASSERT(slots.save(std::span{&part, 1}));
  }
  return {tagged(0, content("t")), tagged(1, content("slots/worker.0")),
          tagged(1, content("slots/worker.1"))};
}

void read_tensors(ByteView bytes) {
  const auto file = parse_safetensors(bytes);
  if (!file) return;
  for (const auto& [name, tensor] : file->tensors)
    AXS_ASSERT(tensor.size() * sizeof(float) <= bytes.size());
}

/// A state is loaded as it was saved, or not at all.
void read_state(ByteView bytes) {
  const std::string path = folder() / "damaged";
  AXS_ASSERT(host::make_folder(path));
  std::ofstream{path + "/worker.0", std::ios::binary}.write(
      reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  auto slots = StateSlots::open(path);
  if (!slots) return;
  const auto state = slots->load();
  if (state && *state) AXS_ASSERT(**state == saved_state);
}

void run(ByteView input) {
  if (input[0] % 2 == 0)
    read_tensors(input.subspan(1));
  else
    read_state(input.subspan(1));
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 3'000, .memory_base = 1 << 18, .memory_per_byte = 1 << 10};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) axs::fuzz::run({data, size});
  return 0;
}
