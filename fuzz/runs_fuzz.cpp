// Tables of training runs. Whatever is accepted is predicted, or left out with a reason.
#include "axs/config/plan_facts.h"
#include "axs/config/training_runs.h"
#include "axs/plan/score.h"
#include "target.h"

namespace axs::fuzz {
namespace {

/// A table without it is refused at once.
const std::string header =
    "source,model,model_params_B,layers,hidden,heads,ffn_hidden,vocab,seq_len,global_batch,"
    "micro_batch,gpu_type,n_gpus,tp,pp,dp,vpp,ep,cp,seq_parallel,zero_stage,recompute,precision,"
    "step_time_s,peak_mem_gib,notes\n";

std::vector<ByteVector> seeds() {
  return {bytes_of("SC21,GPT,1.7,24,2304,24,9216,51200,2048,512,16,A100-80,32,1,1,32,,,1,n,0,full,"
                   "fp16,3.5,,\n\"a \"\"b\"\"\",Llama,8,32,4096,32,14336,128256,8192,64,,H100,16,2,"
                   "1,,,,,y,3,selective,fp8,1.5,60,eager\n"),
          bytes_of("sailor,OPT-350M,0.35,24,1024,16,4096,50272,2048,256,4,GH200-96,16,1,4,4,,,1,n,"
                   ",,,2.5,30,\ntorchtitan,Llama,405,126,16384,128,53248,128256,8192,256,,"
                   "H100-HBM2e-96,512,8,8,8,,,1,,3,full,fp8,32,72,Interleaved AsyncTP\n")};
}

void run(ByteView input) {
  static const plan::Facts facts = *config::shipped_plan_facts();
  const auto runs = config::parse_training_runs(header + std::string{text_of(input)}, "fuzz.csv");
  if (!runs) return;
  const plan::ScoreTable table = plan::score(*runs, facts);
  AXS_ASSERT(table.runs.size() + table.left_out.size() == runs->size());
  for (const plan::RunScore& one : table.runs) {
    AXS_ASSERT(one.step.total > Seconds{} && one.step.total < Seconds{1e300});
    AXS_ASSERT(one.memory.total > Bytes{} && one.memory.total < Bytes{1e300});
  }
  for (const plan::LeftOut& one : table.left_out) AXS_ASSERT(!one.reason.empty());
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 40'000, .memory_base = 64 << 20};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
