# attune_module(nn SOURCES nn/linear.cpp ... DEPENDS tensor PRIVATE attune_fmt [O2])
# makes target attune::nn from folder nn/ (or FOLDER, and of its headers those in the folders ONLY
# these or WITHOUT those); O2: without kernels, for which -O3 is worth its time. Every nn/**.h is reachable as <attune/nn/**.h>:
# in the build tree by one-line forwarding headers, once installed by the real ones.
# What lies in an internal/ folder, and what is given as PRIVATE, stays invisible to users.
function(attune_module name)
  cmake_parse_arguments(ARG "O2" "FOLDER;ONLY;WITHOUT" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  set(folder ${name})
  if(ARG_FOLDER)
    set(folder ${ARG_FOLDER})
  endif()
  add_library(attune_${name} ${ARG_SOURCES})
  add_library(attune::${name} ALIAS attune_${name})
  set_target_properties(attune_${name} PROPERTIES
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    POSITION_INDEPENDENT_CODE ON
    DEFINE_SYMBOL "")  # no macro marks exports: all is visible, so that the rooms and tests link
  target_compile_features(attune_${name} PUBLIC cxx_std_20)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(attune_${name} PUBLIC attune_${dependency})
  endforeach()
  target_link_libraries(attune_${name} PRIVATE $<BUILD_INTERFACE:attune_build_flags>)
  if(name STREQUAL "optim")  # few files, with tensor's flags
    attune_precompile(attune_optim REUSE_FROM attune_tensor)
  elseif(NOT name STREQUAL "base")  # four small files
    attune_precompile(attune_${name} ${attune_pch})
  endif()
  if(ARG_O2)
    target_link_libraries(attune_${name} PRIVATE $<BUILD_INTERFACE:attune_o2>)
  endif()
  foreach(dependency IN LISTS ARG_PRIVATE)
    attune_private_dependency(${name} ${dependency})
  endforeach()

  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folder}/*.h)
  if(ARG_ONLY)
    list(FILTER headers INCLUDE REGEX "^${folder}/(${ARG_ONLY})/")
  elseif(ARG_WITHOUT)
    list(FILTER headers EXCLUDE REGEX "^${folder}/(${ARG_WITHOUT})/")
  endif()
  foreach(header IN LISTS headers)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/include/attune/${header}
         CONTENT "#include \"${PROJECT_SOURCE_DIR}/${header}\"\n")
  endforeach()
  list(FILTER headers EXCLUDE REGEX "/internal/")
  target_include_directories(attune_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
           $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  # For cmake/install.cmake and the tests of the package.
  set_property(GLOBAL APPEND PROPERTY attune_modules ${name})
  set_property(GLOBAL PROPERTY attune_${name}_headers ${headers})
  set_property(GLOBAL PROPERTY attune_${name}_depends ${ARG_DEPENDS})
endfunction()

# Links a library that users must not see: by its target here, by its file's name once installed.
function(attune_private_dependency name dependency)
  get_property(entry GLOBAL PROPERTY attune_dependency_${dependency})
  if(NOT entry)
    message(FATAL_ERROR "${name}/sources.cmake: ${dependency} is unknown; cmake/dependencies.cmake "
                        "must find it and admit it by attune_dependency()")
  endif()
  list(POP_FRONT entry)
  target_link_libraries(attune_${name} PRIVATE $<BUILD_INTERFACE:${dependency}>)
  foreach(library IN LISTS entry)
    target_link_libraries(attune_${name} PRIVATE $<INSTALL_INTERFACE:${library}>)
  endforeach()
  set_property(GLOBAL APPEND PROPERTY attune_${name}_libraries ${entry})
endfunction()
