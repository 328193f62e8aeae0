#include "axs/catalog/model_presets.h"

#include <array>
#include <string>

namespace axs::catalog {

namespace {

struct Preset {
  std::string_view name;
  Model model;
};

constexpr std::array presets{
    Preset{"llama-1m",
           {.layers = 5, .heads = 4, .kv_heads = 2, .width = 128, .hidden = 384, .context = 128}},
    Preset{"llama-10m",
           {.layers = 6, .heads = 6, .kv_heads = 6, .width = 384, .hidden = 1024, .context = 256}},
    Preset{"llama-shakespeare",
           {.layers = 4, .heads = 4, .kv_heads = 4, .width = 128, .hidden = 336, .context = 64}},
    // Brown et al. 2020, table 2.1; the vocabulary as Megatron pads it.
    Preset{"gpt-175b",
           {.layers = 96,
            .heads = 96,
            .kv_heads = 96,
            .width = 12288,
            .hidden = 49152,
            .context = 2048,
            .vocabulary = 51200,
            .gated = false}},
    // Grattafiori et al. 2024, table 3.
    Preset{"llama3-8b",
           {.layers = 32,
            .heads = 32,
            .kv_heads = 8,
            .width = 4096,
            .hidden = 14336,
            .context = 8192,
            .vocabulary = 128256,
            .tied = false}},
    Preset{"llama3-70b",
           {.layers = 80,
            .heads = 64,
            .kv_heads = 8,
            .width = 8192,
            .hidden = 28672,
            .context = 8192,
            .vocabulary = 128256,
            .tied = false}},
    Preset{"llama3-405b",
           {.layers = 126,
            .heads = 128,
            .kv_heads = 8,
            .width = 16384,
            .hidden = 53248,
            .context = 8192,
            .vocabulary = 128256,
            .tied = false}},
    // Jiang et al. 2024, table 1.
    Preset{"mixtral-8x7b",
           {.layers = 32,
            .heads = 32,
            .kv_heads = 8,
            .width = 4096,
            .hidden = 14336,
            .context = 32768,
            .vocabulary = 32000,
            .tied = false,
            .experts = {.count = 8, .chosen = 2, .hidden = 14336}}}};

}  // namespace

Result<Model> model_preset(std::string_view name) {
  std::string known;
  for (const Preset& preset : presets) {
    if (preset.name == name) return preset.model;
    known += (known.empty() ? "" : ", ") + std::string{preset.name};
  }
  return Error{Errc::invalid, "model preset \"" + std::string{name} + "\", want one of " + known};
}

}  // namespace axs::catalog
