#include "axs/cli/twin_flows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "axs/cli/job.h"
#include "axs/cli/rows.h"
#include "axs/fabric/story.h"
#include "axs/twin/exchange.h"

namespace axs::cli {
namespace {

Rows transfer_rows(const catalog::Scenario& scenario, const twin::Exchange& exchange) {
  const net::Topology topology = fabric::topology_of(scenario);
  Rows rows{{{"from", "FROM"}, {"to", "TO"}, {"path", "PATH"}, {"took_s", "TOOK [s]"}}, {}};
  for (const twin::Exchange::Transfer& transfer : exchange.transfers)
    rows.rows.push_back(
        {scenario.sites[transfer.from.value].name, scenario.sites[transfer.to.value].name,
         fabric::path_name(scenario, topology, {transfer.from, transfer.to, transfer.path}),
         Decimal{transfer.took.seconds(), 3}});
  return rows;
}

Rows load_rows(const catalog::Scenario& scenario, const twin::Exchange& exchange) {
  Rows rows{{{"link", "LINK"}, {"from", "FROM"}, {"bytes", "BYTES"}, {"busy", "BUSY [0..1]"}}, {}};
  for (const twin::Exchange::Load& load : exchange.loads) {
    const catalog::Link& link = scenario.links[load.link.value];
    rows.rows.push_back({fabric::link_name(scenario, load.link),
                         scenario.sites[(load.back ? link.b : link.a).value].name,
                         static_cast<std::int64_t>(load.bytes), Decimal{load.busy, 3}});
  }
  return rows;
}

}  // namespace

Result<std::string> flows_text(const catalog::Scenario& scenario, bool json) {
  // Nothing moves during the exchange, so the sky of the first instant is enough.
  const auto links = AXS_TRY(plan_links(scenario, seconds(1)));
  const std::uint64_t bytes =
      assumed_speeds(scenario).front().contribution_bytes * scenario.train.outer.fragments;
  const twin::Exchange exchange = AXS_TRY(twin::exchange(scenario, links, bytes));
  const Rows transfers = transfer_rows(scenario, exchange), loads = load_rows(scenario, exchange);
  const RowsFormat format{.json = json};
  if (!json)
    return format.text(transfers, "transfers") + "\n" + format.text(loads, "links") +
           fmt::format("\n{}: {} transfers of {} bytes, the last ends after {:.3f} s\ndigest {}\n",
                       scenario.name, exchange.transfers.size(), bytes, exchange.took.seconds(),
                       to_hex(exchange.digest));
  auto document = nlohmann::ordered_json::parse(format.text(transfers, "transfers"));
  document["links"] = nlohmann::ordered_json::parse(format.text(loads, "links"))["links"];
  document["bytes_each"] = bytes;
  document["took_s"] = exchange.took.seconds();
  document["digest"] = to_hex(exchange.digest);
  return document.dump(2) + "\n";
}

}  // namespace axs::cli
