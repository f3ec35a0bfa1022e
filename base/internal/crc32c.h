#pragma once
// The checksum CRC-32C (Castagnoli), as in iSCSI, ext4 and SSE 4.2.

#include <cstdint>
#include <string_view>

namespace attune::internal {

// crc32c("123456789") is 0xE3069283. With `before`, of what stands before the bytes too.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace attune::internal
