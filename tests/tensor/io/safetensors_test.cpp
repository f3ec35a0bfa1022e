// Files of tensors: what is written is read again, byte for byte by the format; every way in which
// a file can lie is found when it is loaded.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "attune/tensor/io/safetensors.h"

using namespace attune;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("attune_safetensors_" + std::to_string(getpid()));
  Folder() { fs::create_directory(path); }
  ~Folder() {
    fs::permissions(path, fs::perms::owner_all);
    fs::remove_all(path);
  }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A file with this header, its length before it, and so many bytes of data.
std::string made(const std::string& header, size_t data) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data, '\1');
}

std::string message_of(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    load_safetensors(path);
  } catch (const IoError& e) {
    const std::string text = e.what();
    REQUIRE(text.starts_with(path + ": "));
    return text.substr(path.size() + 2);
  }
  return "loaded";
}

}  // namespace

TEST_CASE("safetensors: every dtype, shape and layout comes back") {
  const Folder folder;
  Rng rng(1);
  const NamedTensors tensors{
      {"z.f32", Tensor::randn({3, 4}, rng)},
      {"a.f64", Tensor::randn({2, 1, 5}, rng, DType::f64)},
      {"turned", Tensor::randn({3, 4}, rng).t()},
      {"f16", Tensor::randn({5}, rng, DType::f16)},
      {"bf16", Tensor::randn({2, 3}, rng, DType::bf16).t()},
      {"i8", Tensor({-128, -1, 127}).cast(DType::i8)},
      {"i32", Tensor({1, -2, 3})},
      {"i64", Tensor::arange(-5, 5)},
      {"u8", Tensor::arange(0, 7).cast(DType::u8)},
      {"boolean", Tensor({true, false, true})},
      {"scalar", Tensor(2.5)},
      {"empty", Tensor::zeros({0, 3})},
      {"\u00fcml\u00e4ut \"quoted\"", Tensor({1.f})},
  };
  const std::string path = folder.file("all.safetensors");
  save_safetensors(path, tensors, {{"format", "pt"}, {"note", "two\nlines"}});
  const TensorFile file = load_safetensors(path);
  CHECK(file.metadata() == Metadata{{"format", "pt"}, {"note", "two\nlines"}});
  REQUIRE(file.size() == tensors.size());
  auto given = tensors.begin();
  for (const auto& [name, x] : file) {
    CAPTURE(name);
    CHECK(name == given->first);  // in the order given
    CHECK(x.shape() == given->second.shape());
    CHECK(x.dtype() == given->second.dtype());
    const auto values = [](const Tensor& t) { return t.cast(DType::f64).to_vector<double>(); };
    CHECK(values(x) == values(given->second));
    ++given;
  }
  CHECK(file.contains("i64"));
  CHECK(!file.contains("i65"));
  CHECK(file.at("scalar").item<double>() == 2.5);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);  // nothing temporary left
}

TEST_CASE("safetensors: the bytes are the format's") {
  const Folder folder;
  const std::string path = folder.file("one.safetensors");
  save_safetensors(path, {{"w", Tensor({1.f, 2.f})}});
  const std::string header =
      R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" + std::string(2, ' ');
  std::string expected = made(header, 0);
  const float data[] = {1, 2};
  expected.append(reinterpret_cast<const char*>(data), 8);
  CHECK(header.size() % 8 == 0);
  CHECK(bytes_of(path) == expected);
}

TEST_CASE("safetensors: f16, bf16 and i8 as Python writes them") {
  const Folder folder;
  const std::string path = folder.file("half.safetensors");
  std::string bytes = made(R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                           R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},)"
                           R"("i":{"dtype":"I8","shape":[2],"data_offsets":[6,8]}})",
                           0);
  bytes += std::string("\x00\x3c\x00\xc2\xc0\x3f\xff\x80", 8);  // 1, -3; 1.5; -1, -128
  std::ofstream(path, std::ios::binary) << bytes;
  const TensorFile file = load_safetensors(path);
  const auto values = [&](const char* name) {
    return file.at(name).cast(DType::f64).to_vector<double>();
  };
  CHECK(values("h") == std::vector<double>{1, -3});
  CHECK(values("b") == std::vector<double>{1.5});
  CHECK(values("i") == std::vector<double>{-1, -128});
  NamedTensors again(file.begin(), file.end());
  save_safetensors(path, again);
  CHECK(bytes_of(path).substr(bytes_of(path).size() - 8) == bytes.substr(bytes.size() - 8));
}

TEST_CASE("safetensors: an empty set of tensors, and a file replaced") {
  const Folder folder;
  const std::string path = folder.file("none.safetensors");
  save_safetensors(path, {});
  CHECK(load_safetensors(path).size() == 0);
  save_safetensors(path, {{"x", Tensor(1.f)}});
  CHECK(load_safetensors(path).size() == 1);
}

TEST_CASE("safetensors: cut off at any byte, a file is refused") {
  const Folder folder;
  const std::string path = folder.file("whole.safetensors");
  save_safetensors(path, {{"w", Tensor({1.f, 2.f})}, {"b", Tensor({true})}}, {{"k", "v"}});
  const std::string whole = bytes_of(path);
  for (size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    CHECK(message_of(path, whole.substr(0, n)).starts_with("not a safetensors file: at byte "));
  }
  CHECK(message_of(path, whole + "x") == "not a safetensors file: at byte " +
                                             std::to_string(whole.size()) +
                                             ": 1 bytes belong to no tensor");
  CHECK(message_of(path, whole) == "loaded");
}

TEST_CASE("safetensors: every lie is named") {
  const Folder folder;
  const std::string path = folder.file("lie.safetensors");
  const auto says = [&](const std::string& header, size_t data, const std::string& what) {
    const std::string message = message_of(path, made(header, data));
    CAPTURE(header);
    CAPTURE(message);
    CHECK(message.find(what) != message.npos);
  };
  CHECK(message_of(path, std::string(8, '\xff'))
            .find("at byte 0: a header of 18446744073709551615"
                  " bytes is announced, the file has 0 more") != std::string::npos);
  says("[1, 2]", 0, "the header is not a JSON object");
  says("{\"a\":", 0, "the header is not JSON");
  says("{\"a\":\xff}", 0, "the header is not JSON");
  says("{\"a\":1e999}", 0, "the header is not JSON");
  says(R"({"a":3})", 0, "\"a\" is not an object");
  says(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "\"a\" has no dtype");
  says(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "\"a\" has no shape");
  says(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "\"a\" has no data_offsets");
  says(R"({"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}})", 1, "there is no dtype F8");
  says(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "the dtype is not a string");
  says(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "-1 is not a size");
  says(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "1.5 is not a size");
  says(R"({"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}})", 4, "is not a list of at most");
  says(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
       "is not a list of at most 8 sizes");
  says(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "is not [begin, end]");
  says(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "bytes 4 to 0 of the data");
  says(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
       "bytes 0 to 8 of the data, of which there are 4; the file may be truncated");
  says(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "needs more bytes");
  says(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8,
       "[1] of f32 needs 4 bytes, data_offsets gives 8");
  says(R"({"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0,
       "needs more bytes than the file has");
  for (const char* shape : {"[0,18446744073709551615]", "[4611686018427387904,0,4]",
                            "[4294967296,4294967296]", "[9223372036854775808,2]"}) {
    says(R"({"a":{"dtype":"U8","shape":)" + std::string(shape) + R"(,"data_offsets":[0,0]}})", 0,
         "needs more bytes than the file has");
  }
  const std::string deep(200'000, '[');  // would overflow the stack of a recursive reader
  says(R"({"a":{"dtype":"U8","shape":)" + deep + std::string(deep.size(), ']') +
           R"(,"data_offsets":[0,0]}})",
       0, "the header is nested more than 3 deep");
  says(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "\"b\" begins at byte 1 of the data, the one before ends at 2");
  says(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
       "\"a\" begins at byte 1 of the data, the one before ends at 0");
  says(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, "\"a\" is named twice");
  says(R"({"__metadata__":{"k":1}})", 0, "metadata \"k\" is not a string");
  says(R"({"__metadata__":[]})", 0, "\"__metadata__\" is not an object");
  CHECK(message_of(path,
                   made(R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x02")
            .find("a BOOL is neither 0 nor 1") != std::string::npos);
}

TEST_CASE("safetensors: what the system refuses is said in words") {
  const Folder folder;
  const std::string missing = folder.file("missing");
  CHECK_THROWS_WITH_AS(load_safetensors(missing),
                       (missing + ": cannot be opened: No such file or directory").c_str(),
                       IoError);
  CHECK_THROWS_WITH_AS(load_safetensors(folder.path.string()),
                       (folder.path.string() + ": is a folder, not a file").c_str(), IoError);
  const std::string nowhere = folder.file("no/such/folder");
  CHECK_THROWS_WITH_AS(save_safetensors(nowhere, {}),
                       (nowhere + ": cannot be written: No such file or directory").c_str(),
                       IoError);
  CHECK_THROWS_WITH_AS(save_safetensors(folder.path.string(), {}),
                       (folder.path.string() + ": cannot be written: it is not a file").c_str(),
                       IoError);
  const std::string pipe = folder.file("pipe");  // as a device would be
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(save_safetensors(pipe, {}),
                       (pipe + ": cannot be written: it is not a file").c_str(), IoError);
  CHECK(fs::is_fifo(pipe));
  if (geteuid() != 0) {  // root may write anywhere
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    const std::string closed = folder.file("closed");
    CHECK_THROWS_WITH_AS(save_safetensors(closed, {}),
                         (closed + ": cannot be written: Permission denied").c_str(), IoError);
  }
}

TEST_CASE("safetensors: a write that fails leaves the old file, and nothing temporary") {
  const Folder folder;
  const std::string path = folder.file("kept");
  save_safetensors(path, {{"x", Tensor(1.f)}});
  // As a full disk would: files of this process may not grow above 4096 bytes.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    save_safetensors(path, {{"x", Tensor::zeros({100'000})}});
  } catch (const IoError& e) {
    message = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message == path + ": cannot be written: File too large");
  CHECK(load_safetensors(path).at("x").item<float>() == 1);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE(
    "safetensors: what replaces a file keeps its permissions, and is written through a link") {
  const Folder folder;
  const std::string path = folder.file("private"), link = folder.file("link");
  save_safetensors(path, {{"x", Tensor(1.f)}});
  const auto own = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(path, own);
  fs::create_symlink("private", link);
  save_safetensors(link, {{"x", Tensor(2.f)}});
  CHECK(fs::is_symlink(link));
  CHECK(fs::status(path).permissions() == own);
  CHECK(load_safetensors(path).at("x").item<float>() == 2);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);
}

TEST_CASE("safetensors: mistakes in what is saved or asked for") {
  const Folder folder;
  const std::string path = folder.file("x");
  const Tensor x(1.f);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"a", x}, {"a", x}}),
                       "save_safetensors: \"a\" is named twice", ValueError);
  CHECK_THROWS_AS(save_safetensors(path, {{"__metadata__", x}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(path, {{"a", Tensor()}}), ValueError);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"\xff", x}}),
                       "save_safetensors: names and metadata must be UTF-8", ValueError);
  CHECK(!fs::exists(path));
  save_safetensors(path, {{"a", x}, {"b", x}});
  CHECK_THROWS_WITH_AS(load_safetensors(path).at("c"),
                       "at: the file has no tensor named 'c'; there are: 'a', 'b'", ValueError);
}

TEST_CASE("safetensors: a type that attune does not have hinders none of the others") {
  const Folder folder;
  const std::string path = folder.file("f8");
  std::ofstream(path, std::ios::binary)
      << made(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
              R"("b":{"dtype":"F8_E4M3","shape":[2,1,1,1,1,1,1,1,1],"data_offsets":[4,6]}})",
              6);
  const TensorFile file = load_safetensors(path);
  CHECK(file.at("a").numel() == 1);
  CHECK(file.size() == 1);
  CHECK_FALSE(file.contains("b"));
  REQUIRE(file.others().size() == 1);
  CHECK(file.others()[0].name == "b");
  CHECK(file.others()[0].dtype == "F8_E4M3");
  CHECK(file.others()[0].shape.size() == 9);
  CHECK_THROWS_AS(file.at("b"), DTypeError);
  CHECK(message_of(path, made(R"({"b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,3]}})", 3))
            .find("needs 2 bytes") != std::string::npos);
}

TEST_CASE("safetensors: mapped, not copied") {
  const Folder folder;
  const std::string path = folder.file("mapped");
  Rng rng(3);
  const Tensor w = Tensor::randn({100, 30}, rng), mask = Tensor::bernoulli({7}, 0.5, rng);
  const Tensor one(int64_t{5});
  save_safetensors(path, {{"w", w}, {"mask", mask}, {"one", one}, {"none", Tensor::zeros({0, 3})}},
                   {{"k", "v"}});
  Tensor kept;
  {
    const TensorFile file = map_safetensors(path);
    CHECK(file.metadata().at("k") == "v");
    CHECK(file.at("one").item<int64_t>() == 5);
    CHECK(file.at("none").shape() == Shape{0, 3});
    CHECK(file.at("mask").to_vector<bool>() == mask.to_vector<bool>());
    kept = file.at("w").t();
  }
  save_safetensors(path, {{"w", one}});  // another file of that name
  fs::remove(path);
  CHECK(kept.t().to_vector<float>() == w.to_vector<float>());
  CHECK((kept + kept).numel() == 3000);

  // 4 bytes of i64 on no boundary of 8: copied.
  std::ofstream(path, std::ios::binary)
      << made(R"({"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8);
  CHECK(map_safetensors(path).at("x").item<int64_t>() == 0x0101010101010101);
  std::ofstream(path, std::ios::binary).close();
  CHECK_THROWS_AS(map_safetensors(path), IoError);
  CHECK_THROWS_AS(map_safetensors("/dev/zero"), IoError);
  CHECK_THROWS_AS(map_safetensors(folder.file("none")), IoError);
}
