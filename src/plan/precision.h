#pragma once

namespace axs::plan {

/// Of matrix products, from the widest to the narrowest. fp16 costs what bf16 costs.
enum class Precision { bf16, fp8, fp4 };

}  // namespace axs::plan
