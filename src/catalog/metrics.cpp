#include "axs/catalog/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "axs/core/assert.h"
#include "axs/core/enums.h"

namespace axs::catalog {

namespace {

std::string number(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

/// name="value", as the text format wants it.
std::string label(std::string_view name, std::string_view value) {
  std::string text = std::string{name} + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    c == '\n' ? text += "\\n" : text += c;
  }
  return text + '"';
}

std::string head_of(const Metric& metric) {
  return "# HELP " + std::string{metric.name} + ' ' + std::string{metric.help} + "\n# TYPE " +
         std::string{metric.name} + ' ' + std::string{enum_name(metric.type)} + '\n';
}

/// The family that a sample of this name belongs to.
std::optional<std::size_t> family_of(std::string_view sample) {
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const Metric& metric = metrics[i];
    if (!sample.starts_with(metric.name)) continue;
    const std::string_view rest = sample.substr(metric.name.size());
    const bool counted = rest == "_sum" || rest == "_count";
    const bool fits = metric.type == MetricType::histogram ? counted || rest == "_bucket"
                      : metric.type == MetricType::summary ? counted || rest.empty()
                                                           : rest.empty();
    if (fits) return i;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

/// Takes name="value" from the front of `text`.
bool take_label(std::string_view& text) {
  const auto equals = text.find("=\"");
  if (equals == text.npos || !is_name(text.substr(0, equals))) return false;
  text.remove_prefix(equals + 2);
  while (!text.empty() && text.front() != '"') {
    if (text.front() == '\\') {
      text.remove_prefix(1);
      if (text.empty() || std::string_view{"\\\"n"}.find(text.front()) == std::string_view::npos)
        return false;
    }
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  return true;
}

/// Takes {labels}, if there are any, from the front of `text`.
bool take_labels(std::string_view& text) {
  if (!text.starts_with('{')) return true;
  do {
    text.remove_prefix(1);
    if (!take_label(text)) return false;
  } while (text.starts_with(','));
  if (!text.starts_with('}')) return false;
  text.remove_prefix(1);
  return true;
}

bool is_number(std::string_view text) {
  if (text == "+Inf" || text == "-Inf") return true;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size();
}

struct Sample {
  std::size_t family;
  std::string_view series;  ///< name and labels
};

std::optional<Sample> parse_sample(std::string_view line) {
  const auto name_end = line.find_first_of("{ ");
  if (name_end == line.npos) return std::nullopt;
  const auto family = family_of(line.substr(0, name_end));
  std::string_view rest = line.substr(name_end);
  if (!family || !take_labels(rest) || !rest.starts_with(' ')) return std::nullopt;
  if (!is_number(rest.substr(1))) return std::nullopt;
  return Sample{*family, line.substr(0, line.size() - rest.size())};
}

}  // namespace

Metrics::Metrics(std::string run, std::string site) : common_{label("run", run)} {
  if (!site.empty()) common_ += ',' + label("site", site);
}

std::string Metrics::braced(MetricId id, Labels labels) const {
  std::string text = common_;
  std::string_view names = metrics[id.index].labels;
  for (const std::string& value : labels) {
    const std::string_view name = names.substr(0, names.find(' '));
    AXS_ASSERT(!name.empty());
    text += ',' + label(name, value);
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  AXS_ASSERT(names.empty());
  return text;
}

double& Metrics::value_at(MetricId id, std::string_view suffix, const std::string& labels) {
  Family& family = families_[id.index];
  const std::string key = std::string{suffix} + '{' + labels + '}';
  const auto [place, is_new] = family.places.try_emplace(key, family.samples.size());
  if (is_new) family.samples.emplace_back(key, 0);
  return family.samples[place->second].second;
}

void Metrics::add(MetricId id, Labels labels, double more) {
  AXS_ASSERT(metrics[id.index].type == MetricType::counter);
  value_at(id, "", braced(id, labels)) += more;
}

void Metrics::set(MetricId id, Labels labels, double value) {
  value_at(id, "", braced(id, labels)) = value;
}

void Metrics::set(MetricId id, const Summary& values) {
  AXS_ASSERT(metrics[id.index].type == MetricType::summary);
  for (const Quantile& quantile : values.quantiles)
    value_at(id, "", common_ + ',' + label("quantile", number(quantile.q))) = quantile.value;
  value_at(id, "_sum", common_) = values.sum;
  value_at(id, "_count", common_) = static_cast<double>(values.count);
}

void Metrics::observe(MetricId id, double value) {
  AXS_ASSERT(metrics[id.index].type == MetricType::histogram);
  Histogram& histogram = histograms_[id.index];
  const auto bound = std::ranges::lower_bound(bounds, value);
  ++histogram.counts[static_cast<std::size_t>(bound - bounds.begin())];
  histogram.sum += value;
  put(id, histogram);
}

void Metrics::put(MetricId id, const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    below += histogram.counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    value_at(id, "_bucket", common_ + ',' + label("le", number(bound))) =
        static_cast<double>(below);
  }
  value_at(id, "_sum", common_) = histogram.sum;
  value_at(id, "_count", common_) = static_cast<double>(below);
}

std::string Metrics::page() const {
  std::string text;
  for (const auto& [index, family] : families_) {
    std::string samples;
    for (const auto& [key, value] : family.samples)
      if (!std::isnan(value))
        samples += std::string{metrics[index].name} + key + ' ' + number(value) + '\n';
    if (!samples.empty()) text += head_of(metrics[index]) + samples;
  }
  return text;
}

std::string merge_metrics(const std::vector<std::string>& pages) {
  std::map<std::size_t, std::string> families;
  std::set<std::string, std::less<>> seen;
  for (const std::string& page : pages) {
    for (std::string_view rest = page; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const auto sample = parse_sample(line);
      if (!sample || !seen.emplace(sample->series).second) continue;
      (families[sample->family] += line) += '\n';
    }
  }
  std::string text;
  for (const auto& [index, samples] : families) text += head_of(metrics[index]) + samples;
  return text;
}

}  // namespace axs::catalog
