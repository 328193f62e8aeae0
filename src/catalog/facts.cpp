#include "axs/catalog/facts.h"

namespace axs::catalog {

Fact::Fact() = default;
Fact::Fact(const Fact& other) = default;
Fact::Fact(Fact&& other) noexcept = default;
Fact& Fact::operator=(const Fact& other) = default;
Fact& Fact::operator=(Fact&& other) noexcept = default;
Fact::~Fact() = default;

std::string fact_line(const FactOrigin& origin, const Fact& fact) {
  std::string line = "{\"v\":" + std::to_string(facts_version);
  line += ',' + to_json_fields(origin);
  std::visit(
      [&line]<class T>(const T& held) {
        line += ",\"type\":\"" + std::string{type_name<T>()} + "\",";
        line += to_json_fields(held);
      },
      fact);
  return line + "}\n";
}

}  // namespace axs::catalog
