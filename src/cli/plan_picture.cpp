#include "axs/cli/plan_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "axs/cli/plan_trace.h"
#include "axs/core/grouped.h"
#include "axs/plan/plan_devices.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using plan::Pass;
using plan::PassKind;
using plan::StageBreakdown;
using plan::StepPart;

constexpr double width = 1060;

/// Okabe and Ito 2008, darkened where white text lies on them.
constexpr std::array palette{"#0072b2", "#b25f00", "#007a59", "#a8487c",
                             "#5b5ea6", "#7a6a00", "#b3261e", "#5c6470"};

const char* colour_of_type(std::uint32_t type) {
  return palette[type % palette.size()];
}

const char* colour_of(StepPart part) {
  if (plan::is_waiting(part)) return "#9aa3ad";
  if (plan::is_exposed_exchange(part)) return "#b25f00";
  using enum StepPart;
  if (part == products || part == attention || part == embedding_and_head) return "#0072b2";
  return part == recompute ? "#a8487c" : "#007a59";
}

std::string svg(const char* label, double height, const std::string& body) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\" style=\"display:block;"
      "width:100%;min-width:44rem;height:auto;font:12px system-ui,sans-serif\">{}</svg>\n",
      width, height, label, body);
}

std::string label(double x, double y, std::string_view text, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" style=\"fill:var(--text)\" {}>{}</text>", x,
                     y, more, report::escaped(text));
}

struct Box {
  double x, y, wide, high;
};

/// With a text that appears under the mouse.
std::string rectangle(const Box& box, const std::string& style, const std::string& title) {
  return fmt::format(
      "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
      "style=\"{}\"><title>{}</title></rect>",
      box.x, box.y, std::max(box.wide, 0.0), box.high, style, report::escaped(title));
}

/// A pale box for the memory that there is, a full one for what is used.
std::string part_box(const PlanView& view, const plan::StagePart& part, const std::string& stage,
                     const Box& box) {
  const plan::Accelerator& accelerator = view.job.fleet.types[part.type].accelerator;
  const double full = std::min(fullness(view.job, part), 1.0);
  const std::string title =
      fmt::format("{}, {:.1f} of {:.1f} GiB", stage, part.memory.value() / gibibyte,
                  accelerator.memory.value() / gibibyte);
  const std::string colour = colour_of_type(part.type);
  const Box used{box.x, box.y + (1 - full) * box.high, box.wide, full * box.high};
  return rectangle(used, "fill:" + colour, title) +
         rectangle(box, "fill:" + colour + ";fill-opacity:.18;stroke:" + colour, title);
}

std::string held_by(const config::PlannedJob& job, const plan::PlannedStage& stage,
                    const plan::StagePart& part) {
  if (stage.parts.empty()) return devices_text(job, stage);
  return fmt::format("{} x {} {} with {} tokens each", part.groups, stage.tensor,
                     type_name(job, part.type), grouped(part.tokens));
}

/// One box for each type that shares its sequences, and in the fullest how many layers they have.
std::string stage_box(const PlanView& view, const plan::ReplicaGroup& group, std::size_t number,
                      const Box& box) {
  const plan::PlannedStage& stage = group.stages[number];
  const auto parts = plan::parts_of(stage, view.plan().method.context);
  const double high = box.high / static_cast<double>(parts.size());
  std::string text;
  double fullest = 0, bottom = box.y;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string title =
        fmt::format("stage {}: {}, {} layers{}", number + 1, held_by(view.job, stage, parts[i]),
                    stage.layers, chunks_text(group));
    const double y = box.y + static_cast<double>(i) * high;
    text += part_box(view, parts[i], title, {box.x, y, box.wide, high});
    if (const double full = std::min(fullness(view.job, parts[i]), 1.0); full > fullest) {
      fullest = full;
      bottom = y + high;
    }
  }
  constexpr double line = 15;  // Of text: in what is used if it has a place there, else above.
  const bool in_used = fullest * high >= line;
  if (box.wide >= 22)
    text += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" "
        "style=\"fill:{};pointer-events:none\">{}</text>",
        box.x + box.wide / 2, (in_used ? bottom : bottom - fullest * high) - 4,
        in_used ? "#fff" : "var(--text)", stage.layers);
  return text;
}

/// Stages at other sites leave room.
std::string group_row(const PlanView& view, const plan::ReplicaGroup& group, std::uint32_t site,
                      double y) {
  constexpr double left = 200, room = width - left - 20, gap = 2;
  std::string text =
      label(24, y + 20, fmt::format("{} × {} micro-batches", group.replicas, group.micro_batches));
  const double layers = view.job.job.shape.layers;
  double x = left;
  for (std::size_t i = 0; i < group.stages.size(); ++i) {
    const double wide = room * group.stages[i].layers / layers;
    if (group.site_of(i) == site)
      text += stage_box(view, group, i, {x, y, std::max(wide - gap, 0.5), 32});
    x += wide;
  }
  return text;
}

struct SitePicture {
  std::string text;
  double end;
};

SitePicture site_box(const PlanView& view, std::uint32_t site, double y) {
  constexpr double row = 42;
  constexpr std::size_t rows_max = 12;
  std::string rows;
  std::uint64_t devices = 0;
  std::size_t count = 0;
  for (const plan::ReplicaGroup& group : view.plan().groups) {
    const std::uint64_t here = devices_at(view.plan().method, group, site);
    if (here == 0) continue;
    devices += here;
    if (count++ < rows_max)
      rows += group_row(view, group, site, y + 32 + row * (static_cast<double>(count) - 1));
  }
  if (count == 0) return {"", y};
  const double shown = static_cast<double>(std::min(count, rows_max));
  if (count > rows_max)
    rows += label(24, y + 46 + row * shown, fmt::format("and {} groups more", count - rows_max));
  const double high = 38 + row * shown + (count > rows_max ? 24 : 0);
  const plan::FleetSite& named = view.job.fleet.sites[site];
  const std::string where = named.jurisdiction.empty() ? "" : " (" + named.jurisdiction + ")";
  return {fmt::format("<rect x=\"1\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"8\" "
                      "style=\"fill:none;stroke:var(--line)\"/>",
                      y + 1, width - 2, high) +
              label(14, y + 22, fmt::format("{}{}: {} devices", named.name, where, devices),
                    "font-weight=\"600\"") +
              rows,
          y + high + 10};
}

std::string types_legend(const PlanView& view, double y) {
  std::string text;
  double x = 14;
  for (std::uint32_t type = 0; type < view.job.fleet.types.size(); ++type) {
    text += rectangle({x, y - 10, 12, 12}, std::string{"fill:"} + colour_of_type(type), "") +
            label(x + 18, y, type_name(view.job, type));
    x += 40 + 8 * static_cast<double>(type_name(view.job, type).size());
  }
  return text;
}

/// The devices of a split by number: their types, and how pale each is beside others of its type.
struct ShardStyle {
  std::uint32_t type;
  std::string style;
};
std::vector<ShardStyle> shard_styles(const plan::StageSplit& split) {
  std::vector<ShardStyle> styles;
  for (const plan::StagePart& part : split.parts)
    for (std::uint32_t i = 0; i < part.groups; ++i)
      styles.push_back(
          {part.type, fmt::format("fill:{};fill-opacity:{:.2f}", colour_of_type(part.type),
                                  1 - 0.75 * i / part.groups)});
  return styles;
}

/// A square for each shard of the first heads: queries go down, the keys that they see to the
/// right.
std::string split_picture(const PlanView& view, const plan::StageSplit& split, double y) {
  constexpr double wide = 250, gap = 16;
  constexpr std::uint32_t heads_max = 4;
  const auto& [problem, placement] = split.attention;
  const std::vector<ShardStyle> styles = shard_styles(split);
  const double cell = wide * problem.query_block / problem.layer.sequence;
  std::string text;
  for (std::size_t i = 0; i < placement.shards.size(); ++i) {
    const plan::AttentionShard& shard = placement.shards[i];
    if (shard.head >= heads_max) break;
    const ShardStyle& style = styles[placement.device[i]];
    text += rectangle(
        {(wide + gap) * shard.head + cell * shard.key, y + cell * shard.query, cell - 0.5,
         cell - 0.5},
        style.style,
        fmt::format("block {} of queries, range {} of keys: group {}, {}", shard.query + 1,
                    shard.key + 1, placement.device[i] + 1, type_name(view.job, style.type)));
  }
  return text;
}

/// The rows of a timeline: times to places, with what is left out taken out.
class Timeline {
 public:
  Timeline(const PlanView& view, std::size_t group)
      : view_{view},
        group_{group},
        stages_{view.broken.groups[group].stages.size()},
        schedule_{schedule_of(view, group, micro_batches_max)} {
    for (const Pass& pass : schedule_.passes)
      if (pass.kind == PassKind::left_out && pass.stage == 0) {
        const Seconds slowest =
            view.broken.groups[group].stages[view.broken.groups[group].slowest].micro_batch;
        cut_ = pass.micro_batch * slowest - kept * slowest;
      }
    scale_ = (width - left - 8) / (view.plan().step.total - cut_).value();
  }

  std::string draw() const {
    std::string text;
    for (std::size_t stage = 0; stage < stages_; ++stage)
      if (const double y = top(stage); y >= 0)
        text += label(4, y + 13, fmt::format("stage {}", stage + 1));
    bool after = false;
    for (std::size_t i = 0; i < schedule_.passes.size(); ++i) {
      const Pass& pass = schedule_.passes[i];
      if (i > 0 && pass.stage != schedule_.passes[i - 1].stage) after = false;
      text += of(pass, after);
      after = after || pass.kind == PassKind::left_out;
    }
    for (std::size_t stage = 0; stage < stages_; ++stage)
      for (const LaterPart& part : later_parts(view_.broken.groups[group_], stage))
        text += block(stage, part.begin - cut_, part.end - cut_,
                      std::string{"fill:"} + colour_of(part.part), part_text(part.part));
    return svg("What each stage does when", rows() * row + 6, text);
  }

  bool is_cut() const { return cut_ > Seconds{}; }

 private:
  static constexpr double left = 70, row = 20, kept = 2;
  static constexpr std::uint32_t micro_batches_max = 24;
  static constexpr std::size_t rows_max = 24;

  double rows() const { return static_cast<double>(std::min(stages_, rows_max)); }
  /// Of many stages the first and the last are shown; -1: not this one.
  double top(std::size_t stage) const {
    if (stages_ <= rows_max || stage < rows_max / 2) return row * static_cast<double>(stage);
    const std::size_t from_end = stages_ - stage;
    return from_end > rows_max / 2 ? -1 : row * static_cast<double>(rows_max - from_end);
  }
  std::string block(std::size_t stage, Seconds begin, Seconds end, const std::string& style,
                    const std::string& title) const {
    const double y = top(stage);
    if (y < 0) return "";
    const Box box{left + scale_ * begin.value(), y, scale_ * (end - begin).value(), row - 3};
    return rectangle(box, style, fmt::format("{}: {:.4g} s", title, (end - begin).value()));
  }
  std::string of(const Pass& pass, bool after) const {
    const Seconds begin = pass.begin - (after ? cut_ : Seconds{});
    const Seconds end = pass.end - (after ? cut_ : Seconds{});
    constexpr const char* line = ";stroke:var(--panel);stroke-width:.6";
    const std::string chunk = chunk_text(view_.plan().groups[group_], pass);
    switch (pass.kind) {
      case PassKind::forward:
        return block(pass.stage, begin, end, std::string{"fill:#0072b2"} + line,
                     fmt::format("F{}{}", pass.micro_batch, chunk));
      case PassKind::backward:
        return block(pass.stage, begin, end, std::string{"fill:#007a59"} + line,
                     fmt::format("B{}{}", pass.micro_batch, chunk));
      case PassKind::left_out:
        return block(pass.stage, begin, pass.end - cut_, "fill:var(--line)",
                     fmt::format("{} micro-batches more, left out", pass.micro_batch));
    }
    return {};
  }

  const PlanView& view_;
  std::size_t group_;
  std::size_t stages_;
  plan::PipelineSchedule schedule_;
  Seconds cut_{};
  double scale_ = 1;
};

}  // namespace

std::string sites_svg(const PlanView& view) {
  std::string text;
  double y = 0;
  for (std::uint32_t site = 0; site < view.job.fleet.sites.size(); ++site) {
    const SitePicture picture = site_box(view, site, y);
    text += picture.text;
    y = picture.end;
  }
  return svg("Stages on sites", y + 26, text + types_legend(view, y + 14));
}

std::string shards_svg(const PlanView& view) {
  constexpr double high = 266;
  std::string text;
  double y = 0;
  for (const plan::StageSplit& split : view.broken.splits) {
    text += split_picture(view, split, y);
    y += high;
  }
  return svg("Who attends what", y + 16, text + types_legend(view, y + 6));
}

std::string timeline_svg(const PlanView& view) {
  return Timeline{view, view.broken.slowest}.draw();
}

std::string parts_svg(const PlanView& view) {
  const plan::GroupBreakdown& group = view.broken.groups[view.broken.slowest];
  const StageBreakdown& slowest = group.stages[group.slowest];
  std::string text;
  double x = 0;
  for (std::size_t i = 0; i < slowest.parts.size(); ++i) {
    const double share = slowest.parts[i].time / view.plan().step.total;
    const double wide = width * share;
    const std::string name = part_text(part_at(i));
    text += rectangle({x, 0, wide, 34},
                      std::string{"stroke:var(--panel);fill:"} + colour_of(part_at(i)),
                      fmt::format("{}: {:.1f} %", name, 100 * share));
    if (wide > 8.0 * static_cast<double>(name.size()))
      text += fmt::format(
          "<text x=\"{:.1f}\" y=\"21\" style=\"fill:#fff;pointer-events:none\">{}</text>", x + 6,
          name);
    x += wide;
  }
  return svg("Parts of a step", 34, text);
}

}  // namespace axs::cli
