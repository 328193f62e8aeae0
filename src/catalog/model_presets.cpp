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
           {.layers = 4, .heads = 4, .kv_heads = 4, .width = 128, .hidden = 336, .context = 64}}};

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
