# The installed package: libraries, public headers, find_package(attune) and pkg-config files.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attune)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# attune_pkgconfig(<file stem> <description> REQUIRES <rooms> LIBS <text> PRIVATE <text>)
file(RELATIVE_PATH up_to_prefix /${pkgconfig_dir} /)
function(attune_pkgconfig stem description)
  cmake_parse_arguments(ARG "" "LIBS;PRIVATE" "REQUIRES" ${ARGN})
  list(TRANSFORM ARG_REQUIRES PREPEND "attune-")
  list(JOIN ARG_REQUIRES " " requires)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/attune.pc.in
                 ${PROJECT_BINARY_DIR}/pkgconfig/${stem}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/${stem}.pc DESTINATION ${pkgconfig_dir})
endfunction()

get_property(rooms GLOBAL PROPERTY attune_modules)
foreach(room IN LISTS rooms)
  install(TARGETS attune_${room} EXPORT attune-targets)
  get_property(headers GLOBAL PROPERTY attune_${room}_headers)
  foreach(header IN LISTS headers)
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attune/${folder})
  endforeach()

  get_property(depends GLOBAL PROPERTY attune_${room}_depends)
  get_property(libraries GLOBAL PROPERTY attune_${room}_libraries)
  list(REMOVE_DUPLICATES libraries)
  list(JOIN libraries " " libraries)
  if(BUILD_SHARED_LIBS)
    attune_pkgconfig(attune-${room} "attune's ${room} room" REQUIRES ${depends}
                     LIBS "-lattune_${room}" PRIVATE "${libraries}")
  else()  # static: what it needs has to be named, with or without --static
    attune_pkgconfig(attune-${room} "attune's ${room} room" REQUIRES ${depends}
                     LIBS "-lattune_${room} ${libraries}")
  endif()
endforeach()
attune_pkgconfig(attune "${PROJECT_DESCRIPTION}" REQUIRES ${rooms})

install(TARGETS attune EXPORT attune-targets)
if(TARGET attune_cli)
  install(TARGETS attune_cli)
  if(NOT CMAKE_CROSSCOMPILING)  # they are what the command says of itself
    set(texts ${PROJECT_BINARY_DIR}/manual)
    add_custom_command(TARGET attune_cli POST_BUILD
      COMMAND attune_cli man --into ${texts}
      COMMAND attune_cli completion bash > ${texts}/bash
      COMMAND attune_cli completion zsh > ${texts}/zsh
      COMMAND attune_cli completion fish > ${texts}/fish
      VERBATIM)
    install(DIRECTORY ${texts}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
    set(share ${CMAKE_INSTALL_DATAROOTDIR})
    install(FILES ${texts}/bash DESTINATION ${share}/bash-completion/completions RENAME attune)
    install(FILES ${texts}/zsh DESTINATION ${share}/zsh/site-functions RENAME _attune)
    install(FILES ${texts}/fish DESTINATION ${share}/fish/vendor_completions.d RENAME attune.fish)
  endif()
  if(TARGET attune_serve)
    install(TARGETS attune_serve)
  endif()
endif()
install(DIRECTORY include/attune DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT attune-targets NAMESPACE attune:: DESTINATION ${package_dir})
configure_package_config_file(cmake/attune-config.cmake.in ${PROJECT_BINARY_DIR}/attune-config.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change names.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/attune-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/attune-config.cmake
              ${PROJECT_BINARY_DIR}/attune-config-version.cmake
        DESTINATION ${package_dir})
