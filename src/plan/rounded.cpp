#include "axs/plan/rounded.h"

#include <array>
#include <charconv>
#include <cmath>

namespace axs::plan {

std::string rounded(double number) {
  const double near = std::round(number * 100) / 100;
  if (near == 0 && number != 0) {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.begin(), text.end(), number, std::chars_format::general, 2);
    return {text.begin(), end.ptr};
  }
  std::string digits = std::to_string(near);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

}  // namespace axs::plan
