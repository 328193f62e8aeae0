#pragma once

#include "axs/config/plan_facts.h"

/// For tests, and nothing outside them includes this.
namespace axs::config::testing {

inline const plan::Facts& shipped_facts() {
  static const plan::Facts shipped = *shipped_plan_facts();
  return shipped;
}

}  // namespace axs::config::testing
