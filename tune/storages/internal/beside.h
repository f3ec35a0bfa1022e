#pragma once
// The file system around a storage's file.

#include <cstdint>
#include <string>

namespace attune::tune {

// Where the checkpoints of a study's trials are; with study_id < 0 those of all studies.
std::string checkpoint_folder(const std::string& path, int64_t study_id);
// Of a study that is deleted; and the folder of all, if that is then empty.
void remove_checkpoints(const std::string& path, int64_t study_id);

// StorageError when the file's folder does not exist.
void check_folder(const std::string& path);

// Whether the file is on another machine's disk, or may be: NFS, SMB, FUSE.
bool on_network(const std::string& path);

}  // namespace attune::tune
