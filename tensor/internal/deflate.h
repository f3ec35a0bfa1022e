#pragma once
// Compressed bytes, by zlib. Built without it (ATTUNE_WITH_ZLIB off), everything but crc32() throws
// IoError.

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::internal {

uint32_t crc32(std::string_view bytes, uint32_t before = 0);  // of `before`'s bytes and these

std::string deflate(std::string_view bytes);  // a raw stream (RFC 1951)

// A raw stream of exactly `size` bytes. IoError, after `where`, if it is damaged, shorter or
// longer: memory is asked for only if so few bytes can hold so many.
std::string inflate(std::string_view stream, uint64_t size, const std::string& where);

// A gzip file (RFC 1952) of any number of members, at most `most` bytes in all. IoError, after
// `where`.
std::string gunzip(std::string_view file, uint64_t most, const std::string& where);

}  // namespace attune::internal
