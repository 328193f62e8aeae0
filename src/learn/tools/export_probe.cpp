// Writes two small models in the exported layout and, beside each, the logits that we compute for a
// text, for tests/export_transformers.py to compare: one with a tied head, one with its own head
// and grouped queries.

#include <cstdio>
#include <fstream>
#include <string>

#include "axs/learn/export.h"
#include "axs/learn/model.h"

using namespace axs::learn;

namespace {

constexpr std::string_view text =
    "def greet(name):\n\treturn f\"Gr\xc3\xbc\xc3\x9f Gott, {name}!\"  # "
    "\xe4\xb8\x96\xe7\x95\x8c\n";

axs::Result<> write_probe(const std::string& folder, const ModelShape& shape) {
  Model model{shape, 1, 7};
  // Large enough that wrong positions or heads would show.
  for (float& value : model.parameters()) value *= 3;
  (void)AXS_TRY(export_model(folder, shape, model.parameters()));
  std::vector<std::uint8_t> tokens(text.begin(), text.end());
  tokens.resize(shape.context, '.');
  const auto logits = model.logits(tokens);
  std::ofstream input{folder + "/input.bin", std::ios::binary};
  input.write(reinterpret_cast<const char*>(tokens.data()),
              static_cast<std::streamsize>(tokens.size()));
  std::ofstream output{folder + "/logits.bin", std::ios::binary};
  output.write(reinterpret_cast<const char*>(logits.data()),
               static_cast<std::streamsize>(logits.size_bytes()));
  if (!input.flush() || !output.flush())
    return axs::Error{axs::Errc::unavailable, folder + ": cannot be written"};
  return axs::Ok{};
}

axs::Result<> write_probes(const std::string& folder) {
  const auto tied = AXS_TRY(preset_shape("llama-shakespeare"));
  (void)AXS_TRY(write_probe(folder + "/tied", tied));
  auto grouped = AXS_TRY(preset_shape("llama-1m"));
  grouped.head = Head::own;
  return write_probe(folder + "/own", grouped);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: learn_export_probe FOLDER\n");
    return 2;
  }
  const auto written = write_probes(argv[1]);
  if (!written) std::fprintf(stderr, "learn_export_probe: %s\n", written.error().what.c_str());
  return written ? 0 : 1;
}
