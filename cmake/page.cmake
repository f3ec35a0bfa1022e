# The page of reports (page/), bundled by esbuild into one HTML file that the library embeds. It takes
# Node.js and what `script/setup page` installs; a build without it has everything but
# tune::write_report and `attune report -o`.
set(modules ${PROJECT_SOURCE_DIR}/page/node_modules/.package-lock.json)
find_program(ATTUNE_NODE node)
set(ATTUNE_WITH_PAGE "AUTO" CACHE STRING
    "The page of reports, embedded: ON, OFF, or AUTO, on where script/setup page has been run")
set_property(CACHE ATTUNE_WITH_PAGE PROPERTY STRINGS AUTO ON OFF)
if(ATTUNE_WITH_PAGE STREQUAL "AUTO")  # decided anew by each configuration
  set(ATTUNE_WITH_PAGE OFF)
  if(PROJECT_IS_TOP_LEVEL AND ATTUNE_NODE AND EXISTS ${modules})
    set(ATTUNE_WITH_PAGE ON)
  endif()
endif()

if(ATTUNE_WITH_PAGE)
  if(NOT ATTUNE_NODE OR NOT EXISTS ${modules})
    message(FATAL_ERROR "ATTUNE_WITH_PAGE needs Node.js and page/node_modules: run script/setup page")
  endif()
  file(GLOB page_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/page/src/*)
  set(page_file ${PROJECT_BINARY_DIR}/report.html)
  add_custom_command(OUTPUT ${page_file}
    COMMAND ${ATTUNE_NODE} ${PROJECT_SOURCE_DIR}/page/build.mjs ${page_file}
    DEPENDS ${page_sources} ${PROJECT_SOURCE_DIR}/page/index.html ${PROJECT_SOURCE_DIR}/page/build.mjs
            ${modules}
    COMMENT "Bundling the page of reports"
    VERBATIM)
  set(page_source tune/report/internal/page.cpp)
  set_source_files_properties(${page_source} PROPERTIES
    OBJECT_DEPENDS ${page_file}
    COMPILE_DEFINITIONS ATTUNE_PAGE_FILE="${page_file}"
    SKIP_PRECOMPILE_HEADERS ON)
endif()
