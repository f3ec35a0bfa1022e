#pragma once
// Every failure attune reports. A message names the op, what it got and what would do:
// "matmul: inner sizes differ: [64, 20] x [21, 10]; 20 is not 21".

#include <stdexcept>
#include <string>

namespace attune {

// Catch this to catch all of attune's own errors.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Shapes that do not fit each other or the op.
class ShapeError : public Error {
 public:
  using Error::Error;
};

// An element type the op does not take, or a lossy mixture of types.
class DTypeError : public Error {
 public:
  using Error::Error;
};

// An axis or an element position outside the tensor.
class IndexError : public Error {
 public:
  using Error::Error;
};

// Any other argument outside its range.
class ValueError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be read, written or believed. The message holds its path, and the byte or
// line where reading stopped.
class IoError : public Error {
 public:
  using Error::Error;
};

// A study's storage that cannot be opened, read or appended to.
class StorageError : public Error {
 public:
  using Error::Error;
};

// A search space that contradicts itself; the message names the parameter.
class SearchSpaceError : public Error {
 public:
  using Error::Error;
};

// The system had no memory left; the message says how many bytes were asked for.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

}  // namespace attune
