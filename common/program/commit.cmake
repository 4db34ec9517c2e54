# SPDX-License-Identifier: MIT
# Writes the commit of a checkout into a header, only when it has changed. Runs at every build:
#   cmake -DSOURCE=CHECKOUT -DHEADER=FILE [-DORDERS_COMMIT=COMMIT] -P commit.cmake
# ORDERS_COMMIT, or the environment's variable of that name, wins over git. Without git, outside a
# checkout, or where git refuses, the commit is empty: a build must not fail for it.
cmake_minimum_required(VERSION 3.25)

set(commit "${ORDERS_COMMIT}")
if(commit STREQUAL "")
  set(commit "$ENV{ORDERS_COMMIT}")
endif()
if(commit STREQUAL "unknown") # the default of REVISION in the Dockerfiles
  set(commit "")
elseif(commit STREQUAL "")
  find_program(git NAMES git NO_CACHE)
  if(git)
    # A hook that builds has these set, for another repository perhaps.
    foreach(name GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE)
      unset(ENV{${name}})
    endforeach()
    set(ENV{GIT_OPTIONAL_LOCKS} 0)
    # Sources that were unpacked inside some other checkout are not that checkout's commit.
    execute_process(COMMAND ${git} rev-parse --show-prefix WORKING_DIRECTORY ${SOURCE}
      RESULT_VARIABLE failed OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(NOT failed AND prefix STREQUAL "")
      execute_process(COMMAND ${git} describe --always --abbrev=40 --exclude=* --dirty=-changed
        WORKING_DIRECTORY ${SOURCE}
        RESULT_VARIABLE failed OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(failed)
        set(commit "")
      endif()
    endif()
  endif()
endif()

if(NOT commit MATCHES "^[0-9A-Za-z._+-]*$")
  message(FATAL_ERROR "ORDERS_COMMIT must be made of letters, digits and any of . _ + -")
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define ORDERS_COMMIT \"${commit}\"\n" @ONLY)
