#include "axs/plan/bundle_set.h"

#include <algorithm>
#include <iterator>

namespace axs::plan {

namespace {

/// With `each` of the micro-batches beyond one of each bundle.
double with_more(const BundleSet& set, double work, double sum, double BundleSet::Part::* each) {
  double rest = work - set.bundles;
  for (const BundleSet::Part& part : set.parts) {
    if (rest <= 0) break;
    sum += std::min(rest, part.more) * part.*each;
    rest -= part.more;
  }
  return sum;
}

}  // namespace

void BundleSet::add(std::uint32_t number, const BundleItem& item, std::uint32_t count,
                    double each) {
  const double more = count * static_cast<double>(item.most - 1);
  bundles += count;
  done += count + more;
  score += count * (item.score[0] + item.micro_batch);
  money += count * (item.money + item.money_of_micro_batch);
  reduced += count * each;
  power += count * item.power;
  auto part = std::ranges::lower_bound(parts, number, {}, &Part::item);
  if (part == parts.end() || part->item != number)
    part = parts.insert(part, {number, 0, 0, item.micro_batch, item.money_of_micro_batch});
  part->count += count;
  part->more += more;
}

std::uint32_t BundleSet::count_of(std::uint32_t number) const {
  const auto part = std::ranges::lower_bound(parts, number, {}, &Part::item);
  return part == parts.end() || part->item != number ? 0 : part->count;
}

BundleSet BundleSet::with(const BundleSet& other) const {
  BundleSet both{.bundles = bundles + other.bundles,
                 .sites = sites + other.sites,
                 .done = done + other.done,
                 .score = score + other.score,
                 .money = money + other.money,
                 .reduced = reduced + other.reduced,
                 .power = power + other.power};
  both.parts.reserve(parts.size() + other.parts.size());
  std::ranges::merge(parts, other.parts, std::back_inserter(both.parts), {}, &Part::item,
                     &Part::item);
  return both;
}

double BundleSet::score_of(double work) const {
  return work > done ? endless : with_more(*this, work, score, &Part::micro_batch);
}

double BundleSet::money_of(double work) const {
  return with_more(*this, work, money, &Part::money);
}

bool BundleSet::costs_no_more_than(const BundleSet& other, double wanted) const {
  const double work = std::min(other.done, wanted);
  return money <= other.money && money_of(work) <= other.money_of(work);
}

/// Both are straight lines between the ends of parts.
bool BundleSet::is_never_dearer_than(const BundleSet& other, double wanted) const {
  const double most = std::min(other.done, wanted);
  const auto is_dearer = [&](double work) { return score_of(work) > other.score_of(work); };
  if (done < most || is_dearer(most) || is_dearer(std::min<double>(most, other.bundles)))
    return false;
  for (const BundleSet* set : {this, &other}) {
    double work = set->bundles;
    for (const Part& part : set->parts) {
      work += part.more;
      if (work >= most) break;
      if (is_dearer(work)) return false;
    }
  }
  return true;
}

}  // namespace axs::plan
