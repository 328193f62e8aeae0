#include "axs/plan/published_notes.h"

#include <charconv>

namespace axs::plan {

namespace {

struct Digits {
  std::uint32_t number = 0;  ///< 0 if there are none
  std::size_t begin = 0;
};
/// Those that end before a place of the text, if there is such a place.
Digits digits_before(const std::string& text, std::size_t place) {
  if (place == std::string::npos) return {};
  while (place > 0 && text[place - 1] == ' ') --place;
  Digits digits{.begin = place};
  while (digits.begin > 0 && place - digits.begin < 6 && text[digits.begin - 1] >= '0' &&
         text[digits.begin - 1] <= '9')
    --digits.begin;
  std::from_chars(text.data() + digits.begin, text.data() + place, digits.number);
  return digits;
}
/// Whether digits that begin there are the end of a longer number: "3,200", "2.5".
bool cuts_digits(const std::string& text, std::size_t place) {
  const std::string_view before{text.data(), place};
  return before.ends_with(',') || before.ends_with('.');
}
/// Where the first factor of a product ends whose second one begins there: "4x200", "4 x 200" (the
/// sign of a product ends in 0x97 in UTF-8). Nothing if there is none.
std::optional<std::size_t> end_of_factor(const std::string& text, std::size_t place) {
  const std::string_view before{text.data(), place};
  const std::size_t sign = before.find_last_not_of(' ');
  if (sign == std::string_view::npos) return std::nullopt;
  if (before[sign] == 'x' || before[sign] == '*') return sign;
  return before[sign] == '\x97' && sign > 0 ? std::optional{sign - 1} : std::nullopt;
}

/// Of a rate that ends there, "800" or "4 x 200"; nothing where that is not plain.
std::optional<ToldNetwork> links_before(const std::string& notes, std::size_t place) {
  const auto is_plain = [&](const Digits& digits) {
    return digits.number > 0 && !cuts_digits(notes, digits.begin);
  };
  const Digits rate = digits_before(notes, place);
  if (!is_plain(rate)) return std::nullopt;
  const BytesPerSecond link{rate.number * 1e9 / 8};
  const auto end = end_of_factor(notes, rate.begin);
  if (!end) return ToldNetwork{link, std::nullopt};
  const Digits links = digits_before(notes, *end);
  if (!is_plain(links)) return std::nullopt;
  return ToldNetwork{links.number * link, links.number};
}

}  // namespace

std::uint32_t number_before(const std::string& text, std::size_t place) {
  return digits_before(text, place).number;
}
std::uint32_t number_after(const std::string& text, std::string_view word) {
  std::size_t place = text.find(word);
  std::uint32_t number = 0;
  if (place == std::string::npos) return number;
  place += word.size();
  for (const std::string_view between : {" of ", " = ", " ", "=", ""})
    if (std::string_view{text}.substr(place).starts_with(between)) {
      std::from_chars(text.data() + place + between.size(), text.data() + text.size(), number);
      break;
    }
  return number;
}

std::optional<ToldNetwork> network_told(const std::string& notes) {
  for (const std::string_view rate : {"Gb/s", "Gbps", "Gbit/s"})
    for (const std::string_view of : {" inter-node", " per node", " between nodes"}) {
      const std::string unit = std::string{rate} + std::string{of};
      const std::size_t place = notes.find(unit);
      if (place == std::string::npos) continue;
      const std::string after = notes.substr(place + unit.size());
      const bool of_device = after.starts_with(" per GPU") || after.starts_with("/GPU");
      const auto told = links_before(notes, place);
      if (told && !of_device) return told;
    }
  return std::nullopt;
}

}  // namespace axs::plan
