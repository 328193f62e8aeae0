#include "axs/cli/view.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/cli/screen.h"
#include "axs/core/rng.h"

namespace axs::cli {
namespace {

/// Three sites; facts are told at the second that they carry.
struct Story {
  View view;

  explicit Story(Glyphs glyphs = Glyphs::unicode) : view{glyphs} {
    catalog::RunStarted start;
    start.sites = {"sfo", "fra", "tyo"};
    start.tokens = 1'500'000;
    tell(0, "", start);
  }
  void tell(double at, const std::string& site, catalog::Fact fact) {
    view.feed(from_seconds(at), {{"run", site, Instant{}}, std::move(fact)});
  }
  void train() {
    for (const char* site : {"sfo", "fra"}) {
      tell(1, site, catalog::WorkerReady{});
      tell(2, site, catalog::Progress{100, 25'600, 4.5, milliseconds(15), {}});
      tell(12, site, catalog::Progress{600, 153'600, 2.25, milliseconds(15), {}});
    }
    tell(12, "", catalog::LinkTraffic{"sfo-fra leo", "sfo", "fra", 12'300'000, 0, 0, {}, true});
    tell(12, "sfo", catalog::RouteChanged{"fra", "gradient", "sfo-fra leo", "recovered"});
    tell(12, "sfo", catalog::RouteChanged{"tyo", "gradient", "sfo-fra leo, fra-tyo leo", "cut"});
    tell(12, "sfo", catalog::SyncApplied{30, {}, {}});
  }
};

std::string joined(const std::vector<ViewLine>& lines) {
  std::string text;
  for (const ViewLine& line : lines) text += line.text + "\n";
  return text;
}

TEST_CASE("the block of a run that trains") {
  Story story;
  story.train();
  CHECK(joined(story.view.block(seconds(13), 100)) ==
        "  starting   ████████████████████████  2.0 s\n"
        "  training   ████░░░░░░░░░░░░░░░░░░░░  20 %  11.0 s, 41.4 s left  307.2 k of 1.50 M "
        "tokens, 31 syncs\n"
        "  sfo        step    600  loss  2.250     17.1 k/s    12.3 MB sent  fra by leo, tyo by "
        "relay\n"
        "  fra        step    600  loss  2.250     17.1 k/s\n"
        "  tyo        starting\n");
}

TEST_CASE("transfers are told as they begin, end or fail") {
  Story story;
  story.tell(1, "sfo", catalog::TransferBegan{0, "model", "sfo", "fra", 60'000'000, 0});
  story.tell(2, "sfo", catalog::TransferBegan{0, "model", "sfo", "fra", 60'000'000, 20'000'000});
  story.tell(9, "sfo", catalog::TransferDone{0, "model", "sfo", "fra", 60'000'000, seconds(7)});
  story.tell(9, "tyo", catalog::TransferFailed{1, "notes", "fra", "tyo", "notes: no room"});
  CHECK(joined(story.view.take_news()) ==
        "    1.0 s  transfer: model sfo → fra: 60.0 MB to send\n"
        "    2.0 s  transfer: model sfo → fra: 40.0 MB to send, 20.0 MB are there already\n"
        "    9.0 s  transfer: model sfo → fra: all of it is there, after 7.0 s\n"
        "    9.0 s  transfer: notes fra → tyo failed: notes: no room\n");
}

TEST_CASE("the block in ASCII, for a terminal that knows no more") {
  Story story{Glyphs::ascii};
  story.train();
  CHECK(joined(story.view.block(seconds(13), 58)) ==
        "  starting   ############  2.0 s\n"
        "  training   ##..........  20 %  11.0 s, 41.4 s left  307.\n"
        "  sfo        step    600  loss  2.250     17.1 k/s    12.3\n"
        "  fra        step    600  loss  2.250     17.1 k/s\n"
        "  tyo        starting\n");
}

TEST_CASE("faults and what is done about them are news, once") {
  Story story;
  story.train();
  (void)story.view.take_news();
  story.tell(20, "", catalog::FaultBegan{0, "cut", "sfo-fra fibre", 0, seconds(20)});
  story.tell(20.3, "sfo", catalog::RouteChanged{"fra", "gradient", "sfo-fra leo", "cut"});
  story.tell(20.3, "sfo", catalog::RouteChanged{"fra", "control", "sfo-fra leo", "cut"});
  catalog::RouteChanged explained{"tyo", "gradient", "sfo-tyo leo", "cut"};
  explained.grounds.sentence = "sfo-tyo fibre was told to be dead";
  story.tell(20.4, "sfo", explained);
  story.tell(21, "", catalog::FaultBegan{1, "slow", "tyo", 3, seconds(5)});
  story.tell(22, "", catalog::FaultBegan{2, "kill", "worker of fra", 0, {}});
  story.tell(22.1, "fra", catalog::WorkerLost{"killed by signal 9"});
  story.tell(23.5, "fra", catalog::WorkerReady{31, 0, 0, 0, {}});
  story.tell(40, "", catalog::FaultEnded{0});
  CHECK(joined(story.view.take_news()) ==
        "   20.0 s  fault: cut of sfo-fra fibre for 20 s\n"
        "   20.3 s  sfo → fra: gradients now over sfo-fra leo (cut)\n"
        "   20.4 s  sfo → tyo: gradients now over sfo-tyo leo (cut): sfo-tyo fibre was told to be "
        "dead\n"
        "   21.0 s  fault: tyo computes 3 times slower for 5 s\n"
        "   22.0 s  fault: kill of the worker of fra\n"
        "   22.1 s  worker of fra lost: killed by signal 9\n"
        "   23.5 s  worker of fra is back, goes on from sync 31\n"
        "   40.0 s  over: cut of sfo-fra fibre\n");
  CHECK(story.view.take_news().empty());
}

TEST_CASE("how long it takes to finish is known if it was predicted") {
  Story story;
  story.tell(0, "", catalog::Predicted{seconds(19), seconds(10), 0, 0, {}});
  story.tell(9, "sfo", catalog::SiteFinished{1'500'000});
  const std::string block = joined(story.view.block(seconds(14), 80));
  CHECK(block.find("  finishing  ████████████░░░░░░░░░░░░  50 %  5.0 s, 5.0 s left") !=
        std::string::npos);
  CHECK(block.find("sfo        finished") != std::string::npos);
}

TEST_CASE("one line sums a run up where nothing can be redrawn") {
  Story story;
  story.train();
  CHECK(
      story.view.summary(seconds(13)) ==
      "   13.0 s  20 % of the tokens, 31 syncs; sfo step 600 loss 2.250; fra step 600 loss 2.250; "
      "tyo step 0 starting");
}

TEST_CASE("no line is wider than the terminal, whatever it is told") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Story story;
    story.train();
    const std::string name(rng.below(60), 'x');
    story.tell(14, "sfo", catalog::RouteChanged{name, "gradient", name, "cut"});
    story.tell(15, "tyo", catalog::WorkerLost{name});
    story.tell(16, name, catalog::SiteFinished{});
    const std::size_t width = rng.below(120);
    for (const ViewLine& line : story.view.block(from_seconds(rng.uniform() * 99), width))
      RC_ASSERT(columns(line.text) <= width);
  }));
}

TEST_CASE("a terminal that became narrower has wrapped what was drawn") {
  CHECK(rows_of({}, 80) == 0);
  CHECK(rows_of({79, 0, 80}, 80) == 3);
  CHECK(rows_of({79, 0, 80}, 40) == 5);
}

TEST_CASE("columns are characters, not bytes") {
  CHECK(columns("→█a") == 3);
}

}  // namespace
}  // namespace axs::cli
