#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// People write one name in many ways: "TPU v5p", "v5p", "tpu_v5p".
namespace axs::plan {

/// In lower case, letters and digits only.
std::string plain_name(std::string_view name);

/// How well one of several plain names stands for a text: 0 not at all, the length of the longest
/// that is part of it, and more than any of these if one is all of it. A part does not begin or end
/// within a number: "A10" is none of "A100".
std::size_t likeness(const std::vector<std::string>& plain_names, std::string_view text);

/// Whether one of several plain names is in a text as one or several whole words: "FlashAttention"
/// is in "flash-attention 2", "NeMo" is not in "Nemotron".
bool names_in_words(const std::vector<std::string>& plain_names, std::string_view text);

/// Whether one of several plain words is a word of the text: "off" is none of "offloaded".
bool has_word(std::string_view text, std::initializer_list<std::string_view> plain_words);

/// Whether one of several words is part of a text.
bool says(std::string_view text, std::initializer_list<std::string_view> words);

/// The entry whose names are most like the text, of equals the first; null if none is.
template <class Entry>
const Entry* most_like(const std::vector<Entry>& entries, std::string_view text) {
  const Entry* best = nullptr;
  std::size_t most = 0;
  for (const Entry& entry : entries) {
    const std::size_t like = likeness(entry.names, text);
    if (like <= most) continue;
    most = like;
    best = &entry;
  }
  return best;
}

}  // namespace axs::plan
