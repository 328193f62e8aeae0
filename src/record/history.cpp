#include "axs/record/history.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "axs/record/clocks.h"

namespace axs::record {
namespace {

using catalog::Noted;

struct Moment {
  std::string site;
  Instant at;
};

/// Keeps the earliest of each kind.
template <class Key>
using Firsts = std::map<Key, Instant>;

template <class Key>
void keep_first(Firsts<Key>& firsts, const Key& key, Instant at) {
  const auto [held, added] = firsts.emplace(key, at);
  if (!added) held->second = std::min(held->second, at);
}

/// What a site contributed: its name, the sync, and the range.
using Part = std::tuple<std::string, std::uint64_t, std::uint64_t, std::uint64_t>;

class OrderFinder {
 public:
  void look(const Noted& noted) {
    std::visit([&](const auto& fact) { see(noted.origin, fact); }, noted.fact);
  }
  std::vector<Order> orders() {
    for (const auto& [part, applied] : applied_)
      for (const Moment& moment : applied) add_merge(part, moment);
    for (const Moment& site : started_)
      for (const Instant at : run_started_) orders_.push_back({"", at, site.site, site.at});
    for (const Moment& site : stopped_)
      for (const Instant at : run_finished_) orders_.push_back({site.site, site.at, "", at});
    return std::move(orders_);
  }

 private:
  template <class Fact>
  void see(const catalog::FactOrigin&, const Fact&) {}
  void see(const catalog::FactOrigin& origin, const catalog::RunStarted&) {
    if (run_started_.empty()) run_started_.push_back(origin.at);
  }
  void see(const catalog::FactOrigin& origin, const catalog::RunFinished&) {
    run_finished_ = {origin.at};
  }
  void see(const catalog::FactOrigin& origin, const catalog::SiteStarted&) {
    started_.push_back({origin.site, origin.at});
  }
  void see(const catalog::FactOrigin& origin, const catalog::SiteStopped&) {
    stopped_.push_back({origin.site, origin.at});
  }
  void see(const catalog::FactOrigin& origin, const catalog::Contributed& fact) {
    keep_first(contributed_, Part{origin.site, fact.sync, fact.begin, fact.end}, origin.at);
  }
  void see(const catalog::FactOrigin& origin, const catalog::SyncApplied& fact) {
    for (const auto& member : fact.members)
      if (member.site != origin.site)
        applied_[{member.site, fact.sync, member.begin, member.end}].push_back(
            {origin.site, origin.at});
  }
  void add_merge(const Part& part, const Moment& merged) {
    const auto contributed = contributed_.find(part);
    if (contributed == contributed_.end()) return;
    orders_.push_back({std::get<0>(part), contributed->second, merged.site, merged.at});
  }

  Firsts<Part> contributed_;
  std::map<Part, std::vector<Moment>> applied_;
  std::vector<Moment> started_, stopped_;
  std::vector<Instant> run_started_, run_finished_;
  std::vector<Order> orders_;
};

std::map<std::string, Duration> offsets_of(const std::vector<Log>& logs) {
  OrderFinder finder;
  std::string first;
  for (const Log& log : logs)
    for (const Noted& noted : log) {
      finder.look(noted);
      if (first.empty() || noted.origin.site.empty()) first = noted.origin.site;
    }
  const std::vector<Order> orders = finder.orders();
  const bool joined = std::ranges::any_of(
      orders, [](const Order& order) { return order.earlier.empty() || order.later.empty(); });
  return clock_offsets(orders, joined ? std::string{} : first);
}

/// The lines of one log that are still to be told.
struct Reader {
  const Log* log;
  std::size_t next = 0;
  Instant at{};  ///< of the next line; never before that of the line before
};

void settle(Reader& reader, const std::map<std::string, Duration>& offsets) {
  if (reader.next == reader.log->size()) return;
  const catalog::FactOrigin& origin = (*reader.log)[reader.next].origin;
  const auto offset = offsets.find(origin.site);
  const Instant at = offset == offsets.end() ? origin.at : origin.at - offset->second;
  reader.at = reader.next == 0 ? at : std::max(reader.at, at);
}

}  // namespace

History merge(const std::vector<Log>& logs) {
  History history{{}, offsets_of(logs)};
  std::vector<Reader> readers;
  for (const Log& log : logs) readers.push_back({&log});
  for (Reader& reader : readers) settle(reader, history.offsets);
  std::set<std::pair<Instant, std::size_t>> heads;
  for (std::size_t i = 0; i < readers.size(); ++i)
    if (!readers[i].log->empty()) heads.emplace(readers[i].at, i);
  while (!heads.empty()) {
    const std::size_t i = heads.extract(heads.begin()).value().second;
    Reader& reader = readers[i];
    const Noted& noted = (*reader.log)[reader.next++];
    history.entries.push_back({reader.at, noted.origin.site, noted.fact});
    settle(reader, history.offsets);
    if (reader.next < reader.log->size()) heads.emplace(reader.at, i);
  }
  return history;
}

}  // namespace axs::record
