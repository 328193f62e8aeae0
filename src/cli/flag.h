#pragma once

#include <string>

#include "axs/core/result.h"

namespace axs::cli {

/// An error about the value of a flag names the flag.
template <class T>
Result<T> of_flag(const std::string& flag, Result<T> value) {
  if (value) return value;
  return Error{value.error().code, flag + ": " + value.error().what};
}

}  // namespace axs::cli
