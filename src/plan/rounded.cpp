#include "axs/plan/rounded.h"

#include <cmath>

namespace axs::plan {

std::string rounded(double number) {
  std::string digits = std::to_string(std::round(number * 100) / 100);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

}  // namespace axs::plan
