#pragma once

#include "axs/cli/command.h"

namespace axs::cli {

/// The whole program but for main(): parses, runs the command, prints its error. Nothing is thrown
/// past it; the result is the exit code of the process.
ExitCode run_program(int argc, const char* const* argv);

}  // namespace axs::cli
