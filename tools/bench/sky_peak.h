#pragma once

/// Independent fused multiply-adds as fast as the processor takes them, with the widest
/// instructions that it has; returns how many lanes it has done, one operation each.
double peak();

double peak_avx2();
double peak_avx512();
