#include "attune/tensor/io/npy.h"

#include <set>

#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/npy_format.h"
#include "attune/tensor/internal/zip.h"

namespace attune {

using namespace internal;

namespace {

constexpr std::string_view kSuffix = ".npy";

// What a file that goes on for ever must show before the rest is read.
void look_for(std::string_view magic, std::string_view bytes, const std::string& path,
              const char* kind) {
  if (bytes.size() >= magic.size()) {
    check<IoError>(bytes.starts_with(magic), "{}: not {}: it does not begin as one", path, kind);
  }
}

std::string_view elements_of(const Tensor& x) {
  return {block(x).data, static_cast<size_t>(x.numel()) * byte_size(x.dtype())};
}

}  // namespace

void save_npy(const std::string& path, const Tensor& x) {
  const std::string header = npy_header_of("save_npy", x);
  const Tensor rows = x.detach().contiguous();
  AtomicFile file(path);
  file.write(header.data(), header.size());
  file.write(elements_of(rows).data(), elements_of(rows).size());
  file.commit();
}

Tensor load_npy(const std::string& path) {
  return guard_memory(path.c_str(), [&] {
    const std::string bytes = read_file(path, [&](std::string_view so_far, size_t from) {
      if (from == 0) look_for(kNpyMagic, so_far, path, "an array of NumPy's");
    });
    return npy_tensor(npy_header(bytes, path), bytes, path);
  });
}

void save_npz(const std::string& path, const NamedTensors& tensors, const NpzOptions& options) {
  std::set<std::string> names;
  for (const auto& [name, x] : tensors) {
    npy_header_of("save_npz", x);
    check<ValueError>(names.insert(name).second, "save_npz: {} is named twice", in_quotes(name));
    check<ValueError>(name.size() < 60000 && utf8_flaw(name) == std::string_view::npos,
                      "save_npz: {} is not UTF-8, or too long, for a name", in_quotes(name));
  }
  guard_memory("save_npz", [&] {
    AtomicFile file(path);
    ZipWriter zip(file, options.deflate);
    for (const auto& [name, x] : tensors) {
      const Tensor rows = x.detach().contiguous();
      zip.add(name + std::string(kSuffix), npy_header_of("save_npz", x), elements_of(rows));
    }
    zip.finish();
    file.commit();
  });
}

TensorFile load_npz(const std::string& path) {
  return guard_memory(path.c_str(), [&] {
    const std::string archive = read_file(path, [&](std::string_view so_far, size_t from) {
      if (from == 0) look_for("PK", so_far, path, "a ZIP archive");
    });
    NamedTensors tensors;
    std::vector<TensorFile::Other> others;
    std::set<std::string> names;
    for (const ZipEntry& entry : zip_entries(archive, path)) {
      const std::string where = fmt::format("{}: {}", path, in_quotes(entry.name));
      std::string name = entry.name, buffer;
      const std::string_view bytes = zip_bytes(entry, buffer, where);
      if (!bytes.starts_with(kNpyMagic)) {
        others.push_back({name, "no array", {}});
        continue;
      }
      if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
      check<IoError>(names.insert(name).second, "{}: the name is there twice", where);
      const NpyHeader header = npy_header(bytes, where);
      try {
        tensors.emplace_back(name, npy_tensor(header, bytes, where));
      } catch (const DTypeError&) {
        others.push_back({name, header.type, header.shape});
      }
    }
    return TensorFile(std::move(tensors), {}, std::move(others));
  });
}

}  // namespace attune
