#pragma once
// stdin and stdout as the two ends of a dialogue: reading ends within a tenth of a second of
// Ctrl-C, and what cannot be written is an exception that says why.

#include <streambuf>
#include <string>

namespace attune::cli {

class InterruptibleInput : public std::streambuf {
 protected:
  int_type underflow() override;

 private:
  char buffer_[1 << 16];
};

// Throws what write_answer() throws. A stream lets it through once its exceptions(badbit) are on.
class CheckedOutput : public std::streambuf {
 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  std::string line_;
};

}  // namespace attune::cli
