#pragma once
// A folder that appears complete or not at all: files go into one beside it, which commit()
// renames.

#include <filesystem>
#include <string>
#include <string_view>

namespace attune::tune::internal {

class ExportFolder {
 public:
  // `to`/`name`, where what cannot be in a file's name becomes '_'. IoError if that is there
  // already.
  ExportFolder(const std::string& to, std::string_view name);
  ~ExportFolder();  // without commit(), nothing stays
  ExportFolder(const ExportFolder&) = delete;
  ExportFolder& operator=(const ExportFolder&) = delete;

  // A file in it, with the folders on its way. IoError.
  void write(const std::string& file, std::string_view bytes) const;
  void make(const std::string& folder) const;
  void commit();

  const std::filesystem::path& path() const { return path_; }  // where it will be

 private:
  std::filesystem::path path_, unfinished_;
};

// A name in which letters, digits and "_-. " stay and all else becomes '_'.
std::string file_name(std::string_view text);

}  // namespace attune::tune::internal
