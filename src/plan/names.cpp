#include "axs/plan/names.h"

#include <algorithm>

namespace axs::plan {

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain;
}

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether a part of a text ends or begins within a number: "A10" in "A100".
bool cuts_number(const std::string& text, std::size_t begin, std::size_t end) {
  const auto within = [&](std::size_t at) {
    return at > 0 && at < text.size() && is_digit(text[at - 1]) && is_digit(text[at]);
  };
  return within(begin) || within(end);
}

/// Letters and digits, with a space wherever something else was.
std::string in_words(std::string_view text) {
  std::string words;
  for (const char c : text) {
    const std::string plain = plain_name({&c, 1});
    words += plain.empty() ? " " : plain;
  }
  return words;
}

/// Whether a part of a text ends or begins within a word.
bool cuts_word(const std::string& words, std::size_t begin, std::size_t end) {
  return (begin > 0 && words[begin - 1] != ' ') || (end < words.size() && words[end] != ' ');
}

/// Whether a plain name is part of a text, whatever stands between its letters, and cuts nothing.
bool is_part(const std::string& name, const std::string& words,
             bool (*cuts)(const std::string&, std::size_t, std::size_t)) {
  for (std::size_t begin = 0; begin < words.size(); ++begin) {
    std::size_t at = begin;
    std::size_t matched = 0;
    while (matched < name.size() && at < words.size() &&
           (words[at] == name[matched] || (matched > 0 && words[at] == ' ')))
      matched += words[at++] == name[matched] ? 1 : 0;
    if (matched == name.size() && !cuts(words, begin, at)) return true;
  }
  return false;
}

}  // namespace

std::size_t likeness(const std::vector<std::string>& plain_names, std::string_view text) {
  const std::string plain = plain_name(text);
  const std::string words = in_words(text);
  std::size_t most = 0;
  for (const std::string& name : plain_names) {
    if (name == plain) return plain.size() + 1;
    if (is_part(name, words, cuts_number)) most = std::max(most, name.size());
  }
  return most;
}

bool names_in_words(const std::vector<std::string>& plain_names, std::string_view text) {
  const std::string words = in_words(text);
  return std::ranges::any_of(
      plain_names, [&](const std::string& name) { return is_part(name, words, cuts_word); });
}

bool has_word(std::string_view text, std::initializer_list<std::string_view> plain_words) {
  const std::string words = " " + in_words(text) + " ";
  return std::ranges::any_of(plain_words, [&](std::string_view word) {
    return words.find(" " + std::string{word} + " ") != std::string::npos;
  });
}

bool says(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

}  // namespace axs::plan
