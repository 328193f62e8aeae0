#include "axs/cli/program.h"

int main(int argc, char** argv) {
  return static_cast<int>(axs::cli::run_program(argc, argv));
}
