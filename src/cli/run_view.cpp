#include "axs/cli/run_view.h"

#include <array>

namespace axs::cli {
namespace {

constexpr Duration summary_every = seconds(10);
/// Who waits no longer than this needs no bar.
constexpr Duration twin_patience = seconds(2);
constexpr Duration twin_redraw = milliseconds(200);

}  // namespace

std::vector<catalog::Noted> EventTail::next() {
  if (!file_.is_open()) file_.open(path_, std::ios::binary);
  file_.clear();
  std::vector<catalog::Noted> facts;
  std::array<char, 1 << 16> piece;
  while (file_.is_open() && (file_.read(piece.data(), piece.size()) || file_.gcount() > 0)) {
    const auto more = stream_.feed({piece.data(), static_cast<std::size_t>(file_.gcount())});
    facts.insert(facts.end(), more.begin(), more.end());
  }
  return facts;
}

RunView::RunView(const live::RunFolder& folder, const live::RunPlan& plan)
    : clock_{host::RunClock::resume(plan.clock, {})}, view_{glyphs_of_locale()} {
  tails_.emplace_back(folder.path + "/events.jsonl");
  for (const catalog::Site& site : plan.scenario.sites)
    tails_.emplace_back(folder.events(site.name));
}

void RunView::read() {
  const Duration now = clock_.now() - Instant{};
  for (EventTail& tail : tails_)
    for (const catalog::Noted& noted : tail.next()) {
      view_.feed(now, noted);
      last_.insert_or_assign(noted.fact.index(), noted.fact);
    }
}

void RunView::catch_up() {
  read();
  (void)view_.take_news();
}

void RunView::show() {
  read();
  const Duration now = clock_.now() - Instant{};
  std::vector<ViewLine> news = view_.take_news();
  if (!screen_.is_terminal() && now - summed_up_ >= summary_every) {
    summed_up_ = now;
    news.push_back({view_.summary(now)});
  }
  screen_.draw(news, view_.block(now, screen_.width() - 1));
}

void RunView::show_block() {
  catch_up();
  const Duration now = clock_.now() - Instant{};
  screen_.draw({}, view_.block(now, screen_.width() - 1));
}

void RunView::erase() {
  screen_.draw({}, {});
}

void RunView::finish() {
  show();
  screen_.keep();
}

TwinView::TwinView()
    : view_{glyphs_of_locale()}, began_{host::time_since_boot()}, drawn_{began_ + twin_patience} {}

void TwinView::feed(const catalog::Noted& noted) {
  if (!screen_.is_terminal()) return;
  if (noted.origin.site.empty()) now_ = noted.origin.at - Instant{};
  view_.feed(now_, noted);
  const Duration wall = host::time_since_boot();
  if (wall - drawn_ < twin_redraw) return;
  drawn_ = wall;
  screen_.draw(view_.take_news(), view_.block(now_, screen_.width() - 1));
}

void TwinView::finish() {
  if (drawn_ > began_ + twin_patience)
    screen_.draw(view_.take_news(), view_.block(now_, screen_.width() - 1));
  screen_.keep();
}

}  // namespace axs::cli
