// Lines of events.jsonl, as another version or a torn write may leave them, and all that is made of
// them: what people see of a run while it lasts, its history, its ledger, the text of its report.
#include "any_value.h"
#include "axs/catalog/facts.h"
#include "axs/cli/view.h"
#include "axs/record/ledger.h"
#include "axs/report/fact_reader.h"
#include "axs/report/map.h"
#include "axs/report/run_data.h"
#include "axs/report/sections.h"
#include "target.h"

namespace axs::fuzz {
namespace {

constexpr std::string_view names[] = {"", "sfo", "fra"};

std::string any_line(Rng& rng) {
  const catalog::FactOrigin origin{"r1", std::string{names[rng.below(3)]},
                                   Instant{} + seconds(static_cast<std::int64_t>(rng.below(99)))};
  return std::visit([&](const auto& fact) { return catalog::fact_line(origin, fact); },
                    any_value<catalog::AnyFact>(rng));
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int lines = 0; lines <= i % 8; ++lines) text += any_line(rng);
    all.push_back(bytes_of(text));
  }
  return all;
}

void show(const record::Log& log) {
  cli::View view;
  Duration now{};
  for (const catalog::Noted& noted : log) view.feed(now += milliseconds(100), noted);
  (void)view.take_news();
  for (const cli::ViewLine& line : view.block(now, 80)) AXS_ASSERT(cli::columns(line.text) <= 80);
  (void)view.summary(now);
}

void run(std::string_view text) {
  report::FactStream stream;
  const record::Log log = stream.feed(text);
  show(log);
  const record::History history = record::merge({log});
  AXS_ASSERT(history.entries.size() == log.size());
  const record::Ledger ledger = record::reconcile(history);
  const report::RunData data = report::run_data(history);
  (void)to_json(data);
  (void)report::map_svg(data, {});
  (void)(report::heading(data) + report::tiles(data, ledger) + report::routes_timeline(data));
  (void)(report::faults_table(data) + report::links_table(data) + report::bytes_table(data));
  (void)(report::energy_table(data) + report::prediction_table(data));
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 10'000, .memory_base = 4 << 20};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run(axs::fuzz::text_of({data, size}));
  return 0;
}
