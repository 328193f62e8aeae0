#include "axs/cli/events.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

namespace axs::cli {
namespace {

using nlohmann::json;

std::string progress(const json& event) {
  const double step_s = event.at("step_time").get<double>() * 1e-9;
  return fmt::format("step {:>6}  loss {:.3f}  {:.1f} ms a step", event.at("steps").get<int>(),
                     event.at("loss").get<double>(), step_s * 1e3);
}

std::string worker_ready(const json& event) {
  return fmt::format("worker ready: {} parameters, {:.1f} MB of text to train on",
                     event.at("parameters").get<std::uint64_t>(),
                     event.at("train_bytes").get<double>() * 1e-6);
}

std::string evaluated(const json& event) {
  return fmt::format("validation loss {:.4f} over {} tokens", event.at("loss").get<double>(),
                     event.at("tokens").get<std::uint64_t>());
}

std::string route_changed(const json& event) {
  return fmt::format("{} to {} now over {} ({})", event.at("traffic").get<std::string>(),
                     event.at("peer").get<std::string>(), event.at("path").get<std::string>(),
                     event.at("reason").get<std::string>());
}

std::string text(const json& event, const char* key) {
  return event.at(key).get<std::string>();
}

using Describe = std::function<std::string(const json&)>;

const std::map<std::string, Describe, std::less<>>& descriptions() {
  static const std::map<std::string, Describe, std::less<>> all{
      {"Progress", progress},
      {"WorkerReady", worker_ready},
      {"Evaluated", evaluated},
      {"RouteChanged", route_changed},
      {"WorkerLost", [](const json& e) { return "worker lost: " + text(e, "reason"); }},
      {"PathDown", [](const json& e) { return "path down: " + text(e, "path"); }},
      {"PathUp", [](const json& e) { return "path up: " + text(e, "path"); }},
      {"SessionUp", [](const json& e) { return "session with " + text(e, "peer"); }},
      {"SessionLost", [](const json& e) { return "lost the session with " + text(e, "peer"); }},
      {"HandshakeFailed",
       [](const json& e) {
         return "no session with " + text(e, "peer") + ": " + text(e, "reason");
       }},
      {"Diverged", [](const json& e) { return "parameters differ from " + text(e, "other"); }},
      {"Exported", [](const json& e) { return "model written to " + text(e, "folder"); }},
      {"SiteFinished", [](const json&) { return std::string{"all syncs merged"}; }},
  };
  return all;
}

}  // namespace

std::vector<json> EventTail::next() {
  if (!file_.is_open()) file_.open(path_, std::ios::binary);
  std::vector<json> events;
  file_.clear();
  std::string line;
  while (file_.is_open() && std::getline(file_, line)) {
    partial_ += line;
    if (file_.eof()) break;  // The rest of this line is still to be written.
    json event = json::parse(partial_, nullptr, false);
    if (!event.is_discarded()) events.push_back(std::move(event));
    partial_.clear();
  }
  return events;
}

std::optional<std::string> describe(const json& event) {
  try {
    const auto found = descriptions().find(text(event, "type"));
    if (found == descriptions().end()) return std::nullopt;
    return fmt::format("{:>8.1f} s  {:<6} {}", event.at("at").get<double>() * 1e-9,
                       text(event, "site"), found->second(event));
  } catch (const json::exception&) {
    return std::nullopt;  // Written by another version: not for this reader.
  }
}

}  // namespace axs::cli
