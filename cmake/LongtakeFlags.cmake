# Compiler and linker flags, carried by one interface target: longtake::flags.
option(BUILD_TESTING "Build the tests" ON)
option(LONGTAKE_WERROR "Treat warnings as errors" ON)
option(LONGTAKE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(LONGTAKE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

add_library(longtake_flags INTERFACE)
add_library(longtake::flags ALIAS longtake_flags)

target_compile_options(longtake_flags INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wformat=2 -Wnon-virtual-dtor -Woverloaded-virtual
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
  -fno-omit-frame-pointer)
target_compile_definitions(longtake_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(LONGTAKE_WERROR)
  target_compile_options(longtake_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Thread-safety analysis of base/mutex.h exists only here.
  target_compile_options(longtake_flags INTERFACE -Wthread-safety -Wno-unused-command-line-argument)
endif()
if(LONGTAKE_SANITIZE)
  target_compile_options(longtake_flags INTERFACE -fsanitize=${LONGTAKE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(longtake_flags INTERFACE -fsanitize=${LONGTAKE_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(longtake_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(LONGTAKE_FUZZ)
  target_compile_options(longtake_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_link_options(longtake_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)

find_program(LONGTAKE_MOLD mold)
if(LONGTAKE_MOLD)
  target_link_options(longtake_flags INTERFACE -fuse-ld=mold)
endif()
find_program(LONGTAKE_CCACHE ccache)
if(LONGTAKE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LONGTAKE_CCACHE})
endif()
