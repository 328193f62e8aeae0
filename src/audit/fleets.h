#pragma once

#include <string>

#include "axs/core/result.h"
#include "axs/plan/breakdown.h"
#include "axs/plan/facts.h"
#include "axs/plan/job.h"
#include "axs/plan/search_result.h"

/// What X-Ray plans for the models and fleets that claims speak of.
namespace axs::audit {

/// GPT-3 175B on 300 billion tokens in batches of 1,536 sequences (Brown et al. 2020; Narayanan et
/// al. 2021, section 5.1).
plan::Job gpt3_job(const plan::Facts& facts);
/// Llama 3 405B (Grattafiori et al. 2024, tables 3 and 4) on `tokens`, in batches of 16 M tokens.
plan::Job llama_405b_job(const plan::Facts& facts, double tokens);
/// A decoder of 10^12 parameters (Narayanan et al. 2021, table 1) on `tokens`, in batches of 3,072
/// sequences.
plan::Job trillion_job(const plan::Facts& facts, double tokens);
/// A decoder of 10^10 parameters on 200 billion tokens, in batches of 4 M tokens.
plan::Job ten_billion_job(const plan::Facts& facts);

/// The accelerator with exactly this name; an error if the catalogue lacks it.
Result<plan::AcceleratorFacts> accelerator(const plan::Facts& facts, const std::string& name);

/// The fastest plan on that many devices of a type, at one site.
Result<plan::TrainingPlan> plan_on(const plan::Job& job, const plan::Facts& facts,
                                   const std::string& type, std::uint32_t devices);
/// Share of a step that the mean device of such a plan spends on that.
Result<double> share_of(plan::StepPart part, const plan::Job& job, const plan::Facts& facts,
                        const std::string& type, std::uint32_t devices,
                        const plan::TrainingPlan& plan);
/// The least number of devices, a multiple of 64, that end the job within `limit`; an error if that
/// takes 16,384 or more.
Result<std::uint32_t> devices_for(const plan::Job& job, const plan::Facts& facts,
                                  const std::string& type, Seconds limit);

/// What the model needs of products in a second, whatever is computed twice.
FlopsPerSecond sustained(const plan::Job& job, const plan::TrainingPlan& plan);

}  // namespace axs::audit
