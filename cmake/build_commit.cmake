# Writes the header OUT with the commit of the tree SOURCE, at every build, but touches it only when
# that has changed.
set(commit "unknown")
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-prefix
                OUTPUT_VARIABLE below RESULT_VARIABLE failed ERROR_QUIET
                OUTPUT_STRIP_TRAILING_WHITESPACE)
# A tree that was unpacked inside somebody else's repository has no commit of its own.
if(failed EQUAL 0 AND below STREQUAL "")
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE seen RESULT_VARIABLE failed ERROR_QUIET
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed EQUAL 0)
    set(commit ${seen})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define AXS_COMMIT \"${commit}\"\n")
