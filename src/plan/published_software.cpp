#include "axs/plan/published_software.h"

#include <array>
#include <string_view>
#include <utility>

#include "axs/core/assert.h"
#include "axs/plan/names.h"
#include "axs/plan/published_notes.h"

namespace axs::plan {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Megatron of 2023, beside which a source has put its own software.
bool is_baseline(const PublishedRun& run, const SoftwareFacts& facts) {
  return facts.changes_blocks && contains(plain_name(run.model + " " + run.notes), "megatron");
}

/// Overlap, FlashAttention 2 and fused norms and activations are what MegaScale has added (Jiang et
/// al. 2024, section 3).
void refine_baseline(Software& software) {
  software.overlaps_tensor = software.overlaps_data = false;
  software.attention = Attention::flash1;
  software.pointwise = Pointwise::eager;
}

/// Whether a part of a plain text that begins there is said not to be so.
bool is_denied(std::string_view plain, std::size_t begin) {
  const std::string_view before = plain.substr(0, begin);
  return before.ends_with("without") || before.ends_with("no") || before.ends_with("not");
}

/// Which attention a text names last: a publication's name comes before the row of its table.
/// Nothing if it names none, or only what it is not.
std::optional<Attention> attention_told(const std::string& plain) {
  constexpr std::array names{std::pair{"220514135", Attention::flash1},  // arXiv 2205.14135.
                             std::pair{"flashattention1", Attention::flash1},
                             std::pair{"flashattention2", Attention::flash2},
                             std::pair{"flashattention3", Attention::flash3}};
  std::optional<Attention> told;
  std::size_t last = 0;
  for (const auto& [name, attention] : names)
    for (std::size_t at = plain.find(name); at != std::string::npos; at = plain.find(name, at + 1))
      if (at >= last && !is_denied(plain, at)) {
        told = attention;
        last = at;
      }
  return told;
}

bool denies_flash(const std::string& plain) {
  return says(plain, {"withoutflash", "noflash", "notflash"});
}

/// Of the software's, what the accelerator runs: FlashAttention wants Ampere or later
/// (Dao-AILab/flash-attention, README.md).
Attention attention_on(const Accelerator& accelerator, Attention attention) {
  if (is_flash(attention) && accelerator.family == "V100") return Attention::classic;
  return attention;
}

}  // namespace

Result<std::optional<Recompute>> recompute_told(const std::string& text) {
  using Told = std::optional<Recompute>;
  const std::string plain = plain_name(text);
  if (plain.empty() || says(plain, {"unknown"}) ||
      has_word(text, {"na", "n a", "tbd", "not", "auto"}))
    return Told{};
  if (says(plain, {"nothing"})) return Told{Recompute::full};  // Of it is kept.
  const bool says_which = says(plain, {"selective", "full"});
  if (plain == "n" || plain == "0" || says(plain, {"everything", "disabled"}) ||
      (!says_which && has_word(text, {"no", "none", "off", "false", "without"})))
    return Told{Recompute::none};
  // Frameworks of TPUs name what they keep.
  if (says(plain, {"selective", "partial", "minimal", "custom", "save", "dots"}) ||
      has_word(text, {"sac"}))
    return Told{Recompute::selective};
  if (says(plain, {"full", "block", "uniform"}) || has_word(text, {"all", "yes", "true", "remat"}))
    return Told{Recompute::full};
  if (says(plain, {"offload"})) return Told{Recompute::selective};  // Kept elsewhere.
  // Others name what they compute again.
  if (says(plain, {"attention", "attn", "mlp", "moe", "every2"}) || has_word(text, {"op", "ops"}))
    return Told{Recompute::selective};
  if (plain == "y" || plain == "1" || says(plain, {"layer", "checkpoint", "enabled"}) ||
      has_word(text, {"on", "recompute", "ac"}))
    return Told{Recompute::full};
  return Error{Errc::unavailable, "recompute \"" + text + "\", want none, selective or full"};
}

Result<Precision> precision_told(const std::string& text) {
  const std::string plain = plain_name(text);
  if (says(plain, {"fp4", "int4", "nf4", "4bit"})) return Precision::fp4;
  // TPUs multiply in int8 where others do in fp8, at twice the rate as well.
  if (says(plain, {"fp8", "float8", "e4m3", "int8", "aqt"})) return Precision::fp8;
  if (plain.empty() ||
      says(plain, {"bf16", "fp16", "float16", "f16", "mixed", "16bit", "half", "unknown"}) ||
      has_word(text, {"amp", "o1", "o2", "na", "n a", "16"}))
    return Precision::bf16;
  return Error{Errc::unavailable, "precision \"" + text + "\" is not modelled"};
}

Software software_told(const PublishedRun& run, const SoftwareFacts& facts,
                       const Accelerator& accelerator) {
  Software software = facts.software;
  if (contains(run.notes, "AsyncTP")) software.overlaps_tensor = true;
  if (has_word(run.notes, {"without overlap", "no overlap", "not overlapped"}))
    software.overlaps_data = software.overlaps_tensor = false;
  if (contains(run.notes, "eager")) software.pointwise = Pointwise::eager;
  if (run.hybrid_sharding || has_word(run.notes, {"hsdp"}) ||
      says(plain_name(run.notes), {"hybridshard", "fsdpwithinanode", "shardswithinanode"}))
    software.shards_within_node = true;
  if (is_baseline(run, facts)) refine_baseline(software);
  const bool early = run.precision == "fp16" && run.recompute == "full";
  // Before FlashAttention was, one trained in fp16 and computed whole layers again.
  if (!facts.software.fitted && early && accelerator.family == "A100")
    software.attention = Attention::classic;
  for (const std::string& told : {plain_name(run.source), plain_name(run.notes)}) {
    if (const auto attention = attention_told(told))
      software.attention = *attention;
    else if (denies_flash(told) && is_flash(software.attention))
      software.attention =
          software.pointwise == Pointwise::fused ? Attention::classic : Attention::unfused;
  }
  software.attention = attention_on(accelerator, software.attention);
  return software;
}

void refine_shape(const PublishedRun& run, const SoftwareFacts& facts, ModelShape& shape) {
  const std::string told = run.model + " " + run.notes;
  const std::string plain = plain_name(told);
  const bool own_model = facts.changes_blocks && !is_baseline(run, facts);
  if (own_model || says(plain, {"parallelblock", "parallelattention", "paralleltransformer"}))
    shape.parallel_blocks = true;
  const bool windows = own_model || says(plain, {"slidingwindow"}) || has_word(told, {"swa"});
  if (shape.window > 0 || !windows) return;
  const std::uint32_t window = number_after(told, "liding window");  // Its first letter may be any.
  shape.window = window > 0 ? window : run.sequence.value_or(2048) / 2;
}

const SoftwareFacts& software_of(const std::string& source, const Facts& facts) {
  for (const SoftwareFacts& software : facts.software)
    if (software.match.empty() || names_in_words(software.names, source)) return software;
  AXS_ASSERT(false);  // The last entry matches everything.
}

}  // namespace axs::plan
